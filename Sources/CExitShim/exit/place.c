// SPDX-License-Identifier: Apache-2.0
//
// Entries that are pending, but not to be run by their stack: whoever holds the handle still runs or cancels them.
// They are in a list of their own, so a run does not meet them however many there are.

#include "exit.h"

static void move(struct entry *entry, uint32_t index, bool asleep) {
  cexit_stack *stack = stack_at(entry->stack);
  cexit__entry_unlink(entry);
  if (asleep) entry->asleep_from = entry->phase;
  entry->phase = asleep ? ASLEEP : entry->asleep_from;
  entry->epoch = cexit__process.epoch;
  cexit__entry_link(stack, entry, index);
}

bool cexit__set_asleep(cexit_handler handler, bool asleep) {
  for (;;) {
    if (enter() != 0) return false;
    uint32_t index = cexit__pending_index(handler);
    struct entry *entry = index != NONE ? entry_at(index) : NULL;
    bool changes = entry != NULL && (entry->phase == ASLEEP) != asleep;
    cexit_stack *unready =
        changes && !asleep && !cexit__stack_is_ready(stack_at(entry->stack), NULL) ? stack_at(entry->stack) : NULL;
    if (changes && unready == NULL) move(entry, index, asleep);
    lock_drop();
    if (unready == NULL) return entry != NULL;
    if (cexit__stack_make_ready(unready, NULL) != 0) return false;
  }
}

bool cexit__is_awake(cexit_handler handler) {
  if (enter() != 0) return false;
  uint32_t index = cexit__pending_index(handler);
  bool awake = index != NONE && entry_at(index)->phase != ASLEEP;
  lock_drop();
  return awake;
}
