// SPDX-License-Identifier: Apache-2.0
//
// Where the stack of this process is: in this copy of the library, or in another one.

#ifndef CEXIT_HOME_H
#define CEXIT_HOME_H

#include "../core/lock.h"

#include <stdatomic.h>

// Copies whose numbers differ cannot share: one's entry or record is not the other's.
#ifndef CEXIT_SHARING
#define CEXIT_SHARING 1
#endif

#pragma GCC visibility push(hidden)

struct cexit__copy {
  uint32_t sharing, size; // these three are the same in every version, for ever
  _Atomic uint32_t claimed;
#define CEXIT_SHARED(policy, type, name, parameters, arguments) type(*name) parameters;
#include "api.h"
};

extern struct cexit__copy cexit__copy;    // this copy's
extern const struct layout cexit__layout; // layout.c: how its stacks lie in memory

/// NULL: the stack is here. This copy's own: not known yet. Another one's has every function, if only to refuse.
extern const struct cexit__copy *_Atomic cexit__leader;
/// Finds out, and makes it known. This copy's own: the stack is here.
const struct cexit__copy *cexit__find_leader(void);

#pragma GCC visibility pop
#endif
