// SPDX-License-Identifier: Apache-2.0
//
// The public functions. Each does its work in the copy that has the stack of this process, the leader: one load, and one
// branch that always goes the same way, tell which copy that is. The work itself is cexit__NAME, in the other rooms.

#include "../platform/platform.h"
#include "copies.h"

static inline const struct cexit__copy *leader_now(void) { // NULL: this copy
  return atomic_load_explicit(&cexit__leader, memory_order_acquire);
}

#define FORWARD_VALUE(type, name, parameters, arguments)                                                               \
  type cexit_##name parameters {                                                                                       \
    const struct cexit__copy *leader = leader_now();                                                                   \
    if (LIKELY(leader == NULL)) return cexit__##name arguments;                                                        \
    if (leader == &cexit__copy) leader = cexit__find_leader();                                                         \
    return leader->name arguments;                                                                                     \
  }
#define FORWARD_ERROR FORWARD_VALUE

#define FORWARD_PLAINLY(name, parameters, arguments, before, after)                                                    \
  void cexit_##name parameters {                                                                                       \
    const struct cexit__copy *leader = leader_now();                                                                   \
    if (leader == &cexit__copy) leader = cexit__find_leader();                                                         \
    if (LIKELY(leader == NULL || leader == &cexit__copy)) {                                                            \
      cexit__##name arguments;                                                                                         \
    } else {                                                                                                           \
      before;                                                                                                          \
      leader->name arguments;                                                                                          \
    }                                                                                                                  \
    after;                                                                                                             \
  }
#define FORWARD_KEEPS(type, name, parameters, arguments)                                                               \
  FORWARD_PLAINLY(name, parameters, arguments, cexit__pin(), (void)0)
#define FORWARD_LEAVES(type, name, parameters, arguments)                                                              \
  FORWARD_PLAINLY(name, parameters, arguments, (void)0, __builtin_unreachable())

// To find the leader takes a lock of the loader's. A copy that has not looked yet has nothing to tell a signal handler.
#define FORWARD_SIGNAL_SAFE(type, name, parameters, arguments)                                                         \
  type cexit_##name parameters {                                                                                       \
    const struct cexit__copy *leader = leader_now();                                                                   \
    return leader == NULL ? cexit__##name arguments : leader->name arguments;                                          \
  }

#define CEXIT_SHARED(policy, type, name, parameters, arguments) FORWARD_##policy(type, name, parameters, arguments)
#define CEXIT_UNSHARED(type, name, parameters, arguments)                                                              \
  type cexit_##name parameters {                                                                                       \
    return cexit__##name arguments;                                                                                    \
  }
#include "api.h"
