// SPDX-License-Identifier: Apache-2.0
//
// Calling one handler. Its frame, on the stack of the thread that runs it, says which one it is: to those who observe
// the run, to the deadline's thread, and to the handler of a crash.

#include "../events/events.h"

uint64_t cexit__now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static const char *keep(char *copy, size_t size, const char *text) {
  if (text == NULL) return NULL;
  size_t length = strnlen(text, size - 1);
  memcpy(copy, text, length);
  copy[length] = 0;
  return copy;
}

static inline void leave(struct frame *here) {
  atomic_store_explicit(&cexit__thread.running, here->outer, memory_order_release);
  if (is_watched(WATCHED_FOR_TIME)) cexit__watch_frames();
}

// The strings may go with the release, in the middle of which somebody may want to name the handler.
static __attribute__((noinline)) void release_watched(struct frame *here) {
  struct entry kept = *here->entry;
  char name[128], file[208];
  kept.name = keep(name, sizeof name, kept.name);
  kept.file = keep(file, sizeof file, kept.file);
  here->entry = &kept;
  cexit__stay_if_firing();
  kept.release(kept.context);
  leave(here);
}

ALWAYS_INLINE void call_taken(struct entry *taken, CExitCall call, cexit_observer observer, void *context) {
  bool timed = observer != NULL || is_watched(WATCHED_FOR_TIME);
  struct frame here = {cexit__thread.running, taken, call, observer, context, NULL, timed ? cexit__now() : 0, 0, 0};
  atomic_store_explicit(&cexit__thread.running, &here, memory_order_release);
  switch ((enum kind)taken->kind) {
  case KIND_FUNCTION:
  case KIND_NESTED:
    taken->function(taken->context);
    break;
  case KIND_CLOSURE:
  case KIND_ON_EXIT:
    call_closure(taken, call);
    break;
  case KIND_ATEXIT:
    ((void (*)(void))taken->function)();
    break;
  }
  if (here.observer != NULL) {
    uint64_t time = cexit__now() - here.started;
    observer(context, &(cexit_record){taken->name, taken->file, taken->line, time, here.outcome});
  }
  bool holds = taken->release != NULL && !is_closure(taken->kind); // a closure has let go of itself
  if (holds && is_watched(WATCHED_FOR_TIME | WATCHED_FOR_CRASHES)) return release_watched(&here);
  if (holds) taken->release(taken->context);
  leave(&here);
}

void cexit__call(struct entry *taken, CExitCall call, cexit_observer observer, void *context) {
  call_taken(taken, call, observer, context);
}

bool cexit__call_all(cexit_stack *stack, uint32_t floor, cexit_observer observer, void *context, int error,
                     size_t *ran) {
  int *place = &errno; // the thread's for ever: to ask each time would be a call
  for (struct entry taken; cexit__stack_take(stack, floor, &taken); ++*ran) {
    word_give(&cexit__lock_word);
    *place = error;
    call_taken(&taken, CExitCallRun, observer, context);
    if (!enter_fast() && enter() != 0) return false;
  }
  return true;
}

bool cexit__is_step(void) {
  struct frame *here = cexit__thread.running;
  return here != NULL && here->call == CExitCallStep;
}

bool cexit__set_outcome(cexit_observer observer, void *outcome) {
  struct frame *here = cexit__thread.running;
  if (here == NULL || here->observer != observer) return false;
  here->outcome = outcome;
  return true;
}
