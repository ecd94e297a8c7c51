// SPDX-License-Identifier: Apache-2.0
//
// Where the stack of this process is: in this copy of the library, or in another one.

#ifndef CEXIT_HOME_H
#define CEXIT_HOME_H

#include "functions.h"

#include <stdatomic.h>

// Copies whose numbers differ cannot share: one's entry or record is not the other's.
#ifndef CEXIT_SHARING
#define CEXIT_SHARING 1
#endif

#pragma GCC visibility push(hidden)

#define MEMBER(name, parameters, arguments) int(*name) parameters;
#define MEMBER_OF(type, name, parameters, arguments) type(*name) parameters;
#define MEMBER_VOID(name, parameters, arguments) void(*name) parameters;

struct cexit_home {
  uint32_t sharing, size; // these three are the same in every version, for ever
  _Atomic uint32_t claimed;
  CEXIT_SHARED(MEMBER, MEMBER_OF, MEMBER_VOID, MEMBER_VOID, MEMBER_VOID, MEMBER_OF)
};

extern struct cexit_home cexit_home; // this copy's

/// NULL: the stack is here. This copy's own: not known yet. Another one's has every function, if only to refuse.
extern const struct cexit_home *_Atomic cexit_home_elsewhere;
/// Finds out, and makes it known. This copy's own: the stack is here.
const struct cexit_home *cexit_home_find(void);
void cexit_home_pin(void);

#pragma GCC visibility pop
#endif
