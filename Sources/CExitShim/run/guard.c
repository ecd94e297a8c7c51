// SPDX-License-Identifier: Apache-2.0
//
// Handlers that do not come back. A handler that ends the thread (pthread_exit, a cancellation) or exits again ends as a
// handler, and the run that called the handler goes on, on the same thread. So no exit is left without a thread, and no
// exit needs libc's exit a second time.

#include "run.h"

#include <setjmp.h>

struct guard {
  struct guard *outer;
  const void *run;     // handlers of this run
  struct frame *frame; // the thread's innermost frame at the start
  unsigned depth, finalizers;
  jmp_buf here;
};

static enum return_kind leave(struct guard *guard, enum return_kind how) {
  cexit__thread.guard = guard->outer;
  cexit__thread.finalizers = guard->finalizers;
  return how;
}

// A closure belongs to a language whose runtime may keep count of frames: frames of closures stay.
bool cexit__guard_can_return(const void *run, unsigned depth) {
  const struct guard *innermost = cexit__thread.guard;
  if (innermost == NULL || innermost->run != run || innermost->depth < depth) return false;
  for (const struct frame *frame = cexit__thread.running; frame != NULL && frame != innermost->frame;
       frame = frame->outer) {
    if (keeps_frames(frame->entry->kind)) return false;
  }
  return true;
}

void cexit__guard_return(void) {
  longjmp(cexit__thread.guard->here, 1);
}

void cexit__run_noticed(void (*function)(void *), void *context) {
  if (LIKELY(cexit__thread.end_watched) || cexit__watch_this_thread() || cexit__thread.guard != NULL)
    return function(context);
  pthread_cleanup_push(cexit__hooks.thread_ended, NULL);
  function(context);
  pthread_cleanup_pop(0);
}

enum return_kind cexit__guarded(void (*function)(void *), void *context, const void *run) {
  struct guard *outer = cexit__thread.guard;
  struct guard guard = {.outer = outer,
                        .run = run,
                        .frame = cexit__thread.running,
                        .finalizers = cexit__thread.finalizers,
                        .depth = outer != NULL ? outer->depth + 1 : 0};
  if (_setjmp(guard.here) != 0) return leave(&guard, EXITED_AGAIN);
  cexit__thread.guard = &guard;
  cexit__thread.finalizers = 0; // this run may stand in a finalizer that does not come back
  return leave(&guard, cexit__thread_stays(function, context) ? THREAD_ENDED : CAME_BACK);
}
