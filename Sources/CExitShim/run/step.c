// SPDX-License-Identifier: Apache-2.0
//
// A run of a stack, one handler at a time: for callers that cannot stay on one thread between two handlers.

#include "run.h"

bool cexit__stack_step(cexit_stack *stack, cexit_observer observer, void *context) {
  if (stack == NULL) stack = PROCESS;
  if (enter() != 0) return false;
  uint32_t next = NONE;
  for (uint32_t inner; (inner = cexit__stack_next(stack, 0)) != NONE;) {
    next = inner;
    if (entry_at(next)->function != cexit__run_nested) break;
    stack = entry_at(next)->context;
  }
  struct entry taken;
  if (next != NONE) cexit__entry_take(next, &taken);
  lock_drop();
  if (next == NONE) return false;
  int saved = errno;
  cexit__call(&taken, CExitCallStep, observer, context);
  errno = saved;
  return true;
}
