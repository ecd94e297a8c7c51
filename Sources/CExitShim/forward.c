// SPDX-License-Identifier: Apache-2.0
//
// The public functions. Each does its work where the stack of this process is: one load and one branch that is always
// the same tell. The work itself, cexit_own_…, is in the files that are about something.

#include "CExitShim.h"

#include "home.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)

#pragma GCC visibility push(hidden)
#define OWN(name, parameters, arguments) extern int cexit_own_##name parameters;
#define OWN_OF(type, name, parameters, arguments) extern type cexit_own_##name parameters;
#define OWN_VOID(name, parameters, arguments) extern void cexit_own_##name parameters;
CEXIT_SHARED(OWN, OWN_OF, OWN_VOID, OWN_VOID, OWN_VOID, OWN_OF)
CEXIT_UNSHARED(OWN_OF, OWN_VOID)
#pragma GCC visibility pop

__attribute__((always_inline)) static inline const struct cexit_home *elsewhere(void) {
  const struct cexit_home *home = atomic_load_explicit(&cexit_home_elsewhere, memory_order_acquire);
  if (LIKELY(home == NULL)) return NULL;
  return home != &cexit_home ? home : cexit_home_find();
}

// Finding the stack takes a lock of the loader's. A copy that has not looked yet has nothing to tell a signal handler.
static inline const struct cexit_home *elsewhere_if_known(void) {
  const struct cexit_home *home = atomic_load_explicit(&cexit_home_elsewhere, memory_order_acquire);
  return home != &cexit_home ? home : NULL;
}

#define KNOWS(home, name) (offsetof(struct cexit_home, name) < (home)->size)

// `otherwise`: what a caller is told whose stack is in a copy that is too old to know the function.
#define FORWARD(type, name, parameters, arguments, find, otherwise)                                                    \
  type cexit_##name parameters {                                                                                       \
    static type unknown = otherwise;                                                                                   \
    const struct cexit_home *there = find();                                                                           \
    if (LIKELY(there == NULL)) return cexit_own_##name arguments;                                                      \
    return KNOWS(there, name) ? there->name arguments : unknown;                                                       \
  }
#define FORWARD_ERROR(name, parameters, arguments) FORWARD(int, name, parameters, arguments, elsewhere, ENOSYS)
#define FORWARD_OF(type, name, parameters, arguments) FORWARD(type, name, parameters, arguments, elsewhere, 0)
#define FORWARD_QUIETLY(type, name, parameters, arguments)                                                             \
  FORWARD(type, name, parameters, arguments, elsewhere_if_known, 0)

#define FORWARD_PLAINLY(name, parameters, arguments, before, after)                                                    \
  void cexit_##name parameters {                                                                                       \
    const struct cexit_home *there = elsewhere();                                                                      \
    if (there != NULL) before;                                                                                         \
    if (LIKELY(there == NULL))                                                                                         \
      cexit_own_##name arguments;                                                                                      \
    else if (KNOWS(there, name))                                                                                       \
      there->name arguments;                                                                                           \
    after;                                                                                                             \
  }
#define FORWARD_VOID(name, parameters, arguments) FORWARD_PLAINLY(name, parameters, arguments, (void)0, (void)0)
#define FORWARD_PINNED(name, parameters, arguments)                                                                    \
  FORWARD_PLAINLY(name, parameters, arguments, cexit_home_pin(), (void)0)
#define FORWARD_FOR_EVER(name, parameters, arguments)                                                                  \
  FORWARD_PLAINLY(name, parameters, arguments, (void)0, __builtin_unreachable())
CEXIT_SHARED(FORWARD_ERROR, FORWARD_OF, FORWARD_VOID, FORWARD_FOR_EVER, FORWARD_PINNED, FORWARD_QUIETLY)

#define HERE_OF(type, name, parameters, arguments)                                                                     \
  type cexit_##name parameters {                                                                                       \
    return cexit_own_##name arguments;                                                                                 \
  }
#define HERE_VOID(name, parameters, arguments)                                                                         \
  void cexit_##name parameters {                                                                                       \
    cexit_own_##name arguments;                                                                                        \
  }
CEXIT_UNSHARED(HERE_OF, HERE_VOID)
