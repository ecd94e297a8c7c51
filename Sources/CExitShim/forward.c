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

static inline const struct cexit_home *home_now(void) { // NULL: here
  return atomic_load_explicit(&cexit_home_elsewhere, memory_order_acquire);
}

#define FORWARD(type, name, parameters, arguments)                                                                     \
  type cexit_##name parameters {                                                                                       \
    const struct cexit_home *home = home_now();                                                                        \
    if (LIKELY(home == NULL)) return cexit_own_##name arguments;                                                       \
    if (home == &cexit_home) home = cexit_home_find();                                                                 \
    return home->name arguments;                                                                                       \
  }
#define FORWARD_ERROR(name, parameters, arguments) FORWARD(int, name, parameters, arguments)

#define FORWARD_PLAINLY(name, parameters, arguments, before, after)                                                    \
  void cexit_##name parameters {                                                                                       \
    const struct cexit_home *home = home_now();                                                                        \
    if (home == &cexit_home) home = cexit_home_find();                                                                 \
    if (LIKELY(home == NULL || home == &cexit_home)) {                                                                 \
      cexit_own_##name arguments;                                                                                      \
    } else {                                                                                                           \
      before;                                                                                                          \
      home->name arguments;                                                                                            \
    }                                                                                                                  \
    after;                                                                                                             \
  }
#define FORWARD_VOID(name, parameters, arguments) FORWARD_PLAINLY(name, parameters, arguments, (void)0, (void)0)
#define FORWARD_PINNED(name, parameters, arguments)                                                                    \
  FORWARD_PLAINLY(name, parameters, arguments, cexit_home_pin(), (void)0)
#define FORWARD_FOR_EVER(name, parameters, arguments)                                                                  \
  FORWARD_PLAINLY(name, parameters, arguments, (void)0, __builtin_unreachable())

// Finding the stack takes a lock of the loader's. A copy that has not looked yet has nothing to tell a signal handler.
#define FORWARD_QUIETLY(type, name, parameters, arguments)                                                             \
  type cexit_##name parameters {                                                                                       \
    const struct cexit_home *home = home_now();                                                                        \
    return home == NULL ? cexit_own_##name arguments : home->name arguments;                                           \
  }
CEXIT_SHARED(FORWARD_ERROR, FORWARD, FORWARD_VOID, FORWARD_FOR_EVER, FORWARD_PINNED, FORWARD_QUIETLY)

#define HERE_OF(type, name, parameters, arguments)                                                                     \
  type cexit_##name parameters {                                                                                       \
    return cexit_own_##name arguments;                                                                                 \
  }
#define HERE_VOID(name, parameters, arguments)                                                                         \
  void cexit_##name parameters {                                                                                       \
    cexit_own_##name arguments;                                                                                        \
  }
CEXIT_UNSHARED(HERE_OF, HERE_VOID)
