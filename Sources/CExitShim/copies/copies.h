// SPDX-License-Identifier: Apache-2.0
//
// Where the stack of this process is: in this copy of the library, or in another copy.

#ifndef CEXIT_HOME_H
#define CEXIT_HOME_H

#include "../core/lock.h"

#include <stdatomic.h>

// Copies whose numbers differ cannot share: an entry or a record differs.
#ifndef CEXIT_SHARING
#define CEXIT_SHARING 1
#endif
// Said where copies cannot share: a byte each for the major, minor and patch version.
#ifndef CEXIT_COPY_VERSION
#define CEXIT_COPY_VERSION (CEXIT_VERSION_MAJOR << 16 | CEXIT_VERSION_MINOR << 8 | CEXIT_VERSION_PATCH)
#endif

#pragma GCC visibility push(hidden)

struct cexit__copy {
  uint32_t sharing, size; // these four are the same in every version, for ever
  _Atomic uint32_t claimed;
  uint32_t version_number;
#define CEXIT_SHARED(policy, type, name, parameters, arguments) type(*name) parameters;
#include "api.h"
};

extern struct cexit__copy cexit__copy;    // of this copy
extern const struct layout cexit__layout; // layout.c: how its stacks lie in memory

/// NULL: the stack is in this copy. This copy's own table: not known yet. The table of another copy has every function, if
/// only to refuse.
extern const struct cexit__copy *_Atomic cexit__leader;
/// Finds the leader, and makes it known. This copy's own table: the stack is in this copy.
const struct cexit__copy *cexit__find_leader(void);

#pragma GCC visibility pop
#endif
