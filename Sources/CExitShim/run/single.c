// SPDX-License-Identifier: Apache-2.0
//
// Running one handler, without the rest of its stack.

#include "run.h"

// ---- The next handler, for callers that cannot stay on one thread between two handlers

// With the lock held; drops the lock. False: there is no such entry.
static bool take(uint32_t index, struct entry *out) {
  if (index != NONE) {
    cexit__entry_take(index, out);
    if (out->owner != 0) cexit__use_begins(out->owner);
  }
  lock_drop();
  return index != NONE;
}

bool cexit__stack_step(cexit_stack *stack, cexit_observer observer, void *context) {
  if (stack == NULL) stack = PROCESS;
  if (enter() != 0) return false;
  uint32_t next = NONE;
  for (uint32_t inner; (inner = cexit__stack_next(stack, 0)) != NONE;) {
    next = inner;
    if (entry_at(next)->kind != KIND_NESTED) break;
    stack = entry_at(next)->context;
  }
  struct entry taken;
  if (next == NONE) cexit__stack_close_if_over(stack);
  if (!take(next, &taken)) return false;
  int saved = errno;
  cexit__call(&taken, CExitCallStep, observer, context);
  errno = saved;
  return true;
}

bool cexit__run_one(cexit_stack *stack) {
  struct entry taken;
  int saved = cexit__run_begin();
  bool ours = cexit__take_turn(stack, true) == 0, found = ours && cexit__stack_take(stack, 0, &taken);
  if (ours) lock_drop();
  if (found) cexit__call(&taken, CExitCallRun, NULL, NULL);
  if (ours && enter() == 0) cexit__end_turn(stack);
  cexit__run_end(saved);
  return found;
}

// ---- The handler of a handle

bool cexit__claim(uint32_t index, struct entry *out) {
  if (!take(index, out)) return false;
  if (is_observed(OBSERVED_FOR_TRACE) && out->phase != ASLEEP) {
    out->asleep_from = out->phase; // for the trace: no run of its stack came to the handler
    out->phase = ASLEEP;
  }
  return true;
}

static bool take_by_handle(cexit_handler handler, struct entry *out) {
  return (enter_fast() || enter() == 0) && cexit__claim(cexit__pending_index(handler), out);
}

struct call { // the arguments of a run of one handler, and the result
  cexit_handler handler;
  cexit_function instead; // NULL: the handler's own function
  void *context;
  bool ran;
};

static void call_instead(struct entry *taken, const struct call *call) {
  struct entry instead = *taken;
  bool gives = taken->kind == KIND_FINALIZING_CLOSURE;
  if (is_finalizer(taken->kind))
    *(cexit_contents *)call->context =
        (cexit_contents){taken->context, gives ? (void *)(uintptr_t)taken->release : NULL};
  instead.function = call->instead;
  instead.context = call->context;
  instead.release = NULL;
  instead.kind = is_finalizer(taken->kind) ? KIND_FINALIZER : KIND_FUNCTION;
  cexit__call(&instead, CExitCallRun, NULL, NULL);
  if (!gives) cexit__entry_release(taken);
}

// The thread is busy before it claims the handler, or the process could end between the two.
static void run(void *context) {
  struct call *call = context;
  struct entry taken;
  int saved = cexit__run_begin();
  call->ran = take_by_handle(call->handler, &taken);
  if (call->ran && call->instead == NULL) cexit__call(&taken, CExitCallRun, NULL, NULL);
  if (call->ran && call->instead != NULL) call_instead(&taken, call);
  cexit__run_end(saved);
}

bool cexit__run(cexit_handler handler) {
  struct call call = {.handler = handler};
  cexit__run_noticed(run, &call);
  return call.ran;
}

bool cexit__run_instead(cexit_handler handler, cexit_function function, void *context) {
  struct call call = {handler, function, context, false};
  if (function != NULL) cexit__run_noticed(run, &call);
  return call.ran;
}

bool cexit__current(cexit_record *record) {
  if (cexit__thread.running == NULL) return false;
  const struct entry *entry = cexit__thread.running->entry;
  *record = (cexit_record){.name = entry->name, .file = entry->file, .line = entry->line};
  if (is_finalizer(entry->kind)) record->flags = CEXIT_IS_FINALIZER;
  return true;
}
