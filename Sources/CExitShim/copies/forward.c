// SPDX-License-Identifier: Apache-2.0
//
// The public functions. Each does its work in the copy that has the stack of this process, the leader, through the leader's
// table. A function that is called often asks first whether this copy is the leader: one load, and one branch that always
// goes the same way. The work itself is cexit__NAME, in the other rooms.

#include "../platform/platform.h"
#include "copies.h"

ALWAYS_INLINE const struct cexit__copy *leader_now(void) { // NULL: this copy. This copy's own table: not known yet
  return atomic_load_explicit(&cexit__leader, memory_order_acquire);
}

static __attribute__((noinline)) const struct cexit__copy *
leader(void) { // has every function, this copy's or another's
  const struct cexit__copy *leader = leader_now();
  if (leader == NULL) return &cexit__copy;
  return leader != &cexit__copy ? leader : cexit__find_leader();
}

#define FORWARD_VALUE(type, name, parameters, arguments)                                                               \
  type cexit_##name parameters {                                                                                       \
    return leader()->name arguments;                                                                                   \
  }
#define FORWARD_ERROR FORWARD_VALUE

#define FORWARD_FAST_VALUE(type, name, parameters, arguments)                                                          \
  static COLD type forward_##name parameters {                                                                         \
    return leader()->name arguments;                                                                                   \
  }                                                                                                                    \
  type cexit_##name parameters {                                                                                       \
    return LIKELY(leader_now() == NULL) ? cexit__##name arguments : forward_##name arguments;                          \
  }
#define FORWARD_FAST_ERROR FORWARD_FAST_VALUE

#define FORWARD_KEEPS(type, name, parameters, arguments)                                                               \
  type cexit_##name parameters {                                                                                       \
    const struct cexit__copy *to = leader();                                                                           \
    if (to != &cexit__copy) cexit__pin();                                                                              \
    to->name arguments;                                                                                                \
  }

#define FORWARD_LEAVES(type, name, parameters, arguments)                                                              \
  __attribute__((noinline)) type cexit_##name parameters {                                                             \
    const struct cexit__copy *to = leader();                                                                           \
    to->exit_called_at(__builtin_return_address(0));                                                                   \
    to->name arguments;                                                                                                \
    __builtin_unreachable();                                                                                           \
  }

// To find the leader takes a lock of the loader's. A copy that has not looked yet has nothing to tell a signal handler.
#define FORWARD_SIGNAL_SAFE(type, name, parameters, arguments)                                                         \
  type cexit_##name parameters {                                                                                       \
    const struct cexit__copy *leader = leader_now();                                                                   \
    return (leader == NULL ? &cexit__copy : leader)->name arguments;                                                   \
  }

#define CEXIT_SHARED(policy, type, name, parameters, arguments) FORWARD_##policy(type, name, parameters, arguments)
#define CEXIT_UNSHARED(type, name, parameters, arguments)                                                              \
  type cexit_##name parameters {                                                                                       \
    return cexit__##name arguments;                                                                                    \
  }
#include "api.h"
