// SPDX-License-Identifier: Apache-2.0
//
// Running one handler, without the rest of its stack.

#include "run.h"

// ---- The next handler, for callers that cannot stay on one thread between two handlers

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
  if (next != NONE) cexit__entry_take(next, &taken);
  if (next != NONE && taken.owner != 0) cexit__use_begins(taken.owner);
  lock_drop();
  if (next == NONE) return false;
  int saved = errno;
  cexit__call(&taken, CExitCallStep, observer, context);
  errno = saved;
  return true;
}

// ---- The handler of a handle

static bool take_by_handle(cexit_handler handler, struct entry *out) {
  if (!enter_fast() && enter() != 0) return false;
  uint32_t index = cexit__pending_index(handler);
  if (index != NONE) cexit__entry_take(index, out);
  if (index != NONE && out->owner != 0) cexit__use_begins(out->owner);
  lock_drop();
  if (index != NONE && is_observed(OBSERVED_FOR_TRACE) && out->phase != ASLEEP) {
    out->asleep_from = out->phase; // for the trace: no run of its stack came to the handler
    out->phase = ASLEEP;
  }
  return index != NONE;
}

// The thread is busy before it claims the handler, or the process could end between the two.
static bool run(cexit_handler handler) {
  struct entry taken;
  int saved = cexit__run_begin();
  bool ours = take_by_handle(handler, &taken);
  if (ours) cexit__call(&taken, CExitCallRun, NULL, NULL);
  cexit__run_end(saved);
  return ours;
}

struct call { // a run on a thread whose end the library cannot notice
  cexit_handler handler;
  bool ran;
};

static void run_of(void *context) {
  struct call *call = context;
  call->ran = run(call->handler);
}

bool cexit__run(cexit_handler handler) {
  if (LIKELY(cexit__thread_end_is_noticed())) return run(handler);
  struct call call = {.handler = handler};
  cexit__notice_end(run_of, &call);
  return call.ran;
}

bool cexit__run_instead(cexit_handler handler, cexit_function function, void *context) {
  struct entry taken;
  int saved = cexit__run_begin();
  bool ours = take_by_handle(handler, &taken);
  if (ours) {
    struct entry instead = taken;
    instead.function = function;
    instead.context = context;
    instead.release = NULL;
    if (instead.kind != KIND_FINALIZER) instead.kind = KIND_FUNCTION;
    cexit__call(&instead, CExitCallRun, NULL, NULL);
    cexit__entry_release(&taken);
  }
  cexit__run_end(saved);
  return ours;
}

bool cexit__current(cexit_record *record) {
  if (cexit__thread.running == NULL) return false;
  const struct entry *entry = cexit__thread.running->entry;
  *record = (cexit_record){.name = entry->name, .file = entry->file, .line = entry->line};
  return true;
}
