// SPDX-License-Identifier: Apache-2.0
//
// Registering an entry of any kind, compiled for size: what is unusual, and finalizers, each with the tie to its object.

#include "push.h"

// The entry and its tie come to be under one lock: no thread sees an entry that its object does not lead to.
int cexit__register_any(cexit_stack *stack, const cexit_entry *from, const void *owner, cexit_handler *out,
                        unsigned kind, uintptr_t word, void **left) {
  int error = cexit__stack_enter_ready(stack, owner);
  if (error != 0) return trace(MOMENT_REFUSED, from), error;
  return push(stack, from, (unsigned)from->phase & 3, owner, out, kind, from->flags, word, left);
}

COLD int cexit__entry_push(cexit_stack *stack, const cexit_entry *from, const void *owner, cexit_handler *out) {
  return cexit__register_any(stack, from, owner, out, kind_of(from->flags), 0, NULL);
}
