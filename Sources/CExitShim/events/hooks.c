// SPDX-License-Identifier: Apache-2.0

#include "events.h"

const struct hooks cexit__hooks = {
    .process_slot = cexit__process_slot,
    .owner_slot = cexit__owner_slot,
    .quick_slot = cexit__quick_slot,
    .thread_ended = cexit__thread_ended,
    .before_use = cexit__trace_look,
    .first_use = cexit__first_use,
    .recover = cexit__recover,
    .sweep = cexit__sweep,
    .long_run = cexit__long_run,
    .long_wait = cexit__long_wait,
    .trace = cexit__trace,
};
