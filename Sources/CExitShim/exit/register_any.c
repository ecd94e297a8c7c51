// SPDX-License-Identifier: Apache-2.0
//
// Registering an entry of any kind, compiled for size: what is unusual, and finalizers, each with the tie to its object.

#include "push.h"

enum { UNTOLD = 8 }; // beside the kind

// With the lock held; drops the lock. The moment is told without the lock, when the entry may have run on another thread: so
// of a copy.
static COLD int register_and_tell(cexit_stack *stack, const cexit_entry *from, const void *owner, cexit_handler *out,
                                  unsigned kind, uintptr_t word, void **left) {
  cexit_handler handler;
  uint32_t line = from->line < 1u << 18 ? from->line : 0;
  struct entry copy = {.function = from->function,
                       .release = from->release,
                       .name = from->name,
                       .file = from->file,
                       .newer = (uint32_t)stack->count + 1};
  copy.bits = entry_bits(stack->index, kind, (unsigned)from->phase & 3, false, line, 0);
  lock_drop();
  int error = cexit__register_any(stack, from, owner, &handler, kind | UNTOLD, word, left);
  if (error != 0) return error;
  copy.older = (uint32_t)handler.raw;
  if (out != NULL) *out = handler;
  trace_registration(MOMENT_REGISTERED, &copy);
  return 0;
}

// The entry and its tie come to be under one lock: no thread sees an entry that its object does not lead to.
int cexit__register_any(cexit_stack *stack, const cexit_entry *from, const void *owner, cexit_handler *out,
                        unsigned kind, uintptr_t word, void **left) {
  bool locked = enter_fast();
  bool ready = LIKELY(locked && is_ready_for_all(stack, owner)) && stack->parent == NONE &&
               LIKELY(stack->slots == NULL || stack->slots->stands);
  int error = ready ? 0 : cexit__stack_enter_ready(stack, owner, locked);
  if (error != 0) return trace(MOMENT_REFUSED, from), error;
  if (!LIKELY(!cexit__process.told)) {
    if ((kind & UNTOLD) == 0) return register_and_tell(stack, from, owner, out, kind, word, left);
    kind &= UNTOLD - 1;
  }
  return push(stack, from, (unsigned)from->phase & 3, owner, out, kind, from->flags, word, left);
}

COLD int cexit__entry_push(cexit_stack *stack, const cexit_entry *from, const void *owner, cexit_handler *out) {
  return cexit__register_any(stack, from, owner, out, kind_of(from->flags), 0, NULL);
}
