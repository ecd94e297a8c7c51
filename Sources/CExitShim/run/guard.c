// SPDX-License-Identifier: Apache-2.0
//
// Handlers that do not come back. A handler that ends the thread (pthread_exit, a cancellation) or exits again ends as a
// handler, and the run that called the handler goes on, on the same thread. So no exit is left without a thread, and no
// exit needs libc's exit a second time. libc tells of a thread's end where a function of pthread_cleanup_push would run.

#include "run.h"

#include <setjmp.h>

struct guard {
  struct guard *outer;
  const void *run;     // handlers of this run
  struct frame *frame; // the thread's innermost frame at the start
  unsigned depth, finalizers;
  jmp_buf here;
};

static PER_THREAD struct guard *innermost;

static enum return_kind leave(struct guard *guard, enum return_kind how) {
  innermost = guard->outer;
  cexit__thread.finalizers = guard->finalizers;
  return how;
}

// A closure belongs to a language whose runtime may keep count of frames: frames of closures stay.
bool cexit__guard_can_return(const void *run, unsigned depth) {
  if (innermost == NULL || innermost->run != run || innermost->depth < depth) return false;
  for (const struct frame *frame = cexit__thread.running; frame != NULL && frame != innermost->frame;
       frame = frame->outer) {
    if (frame->entry->kind == KIND_CLOSURE) return false;
  }
  return true;
}

void cexit__guard_return(void) {
  longjmp(innermost->here, EXITED_AGAIN);
}

void cexit__run_noticed(void (*function)(void *), void *context) {
  if (LIKELY(cexit__thread.end_watched) || cexit__watch_this_thread() || innermost != NULL) return function(context);
  pthread_cleanup_push(cexit__hooks.thread_ended, NULL);
  function(context);
  pthread_cleanup_pop(0);
}

#ifdef __GLIBC__

#ifdef __EXCEPTIONS // then <pthread.h> has another way, and declares neither
extern void __pthread_register_cancel(__pthread_unwind_buf_t *buffer) __cleanup_fct_attribute;
extern void __pthread_unregister_cancel(__pthread_unwind_buf_t *buffer) __cleanup_fct_attribute;
#endif
// sigsetjmp without a mask, which needs less than a jmp_buf.
extern int save_registers(void *buffer, int mask) __asm__("__sigsetjmp") __attribute__((returns_twice));

// The parts of pthread_cleanup_push. A cleanup function cannot stop the thread's end; the code after save_registers can.
static __attribute__((noinline)) enum return_kind call(void (*function)(void *), void *context) {
  __pthread_unwind_buf_t end;
  bool ended = save_registers(end.__cancel_jmp_buf, 0) != 0;
  if (!ended) {
    __pthread_register_cancel(&end);
    function(context);
  }
  __pthread_unregister_cancel(&end);
  return ended ? THREAD_ENDED : CAME_BACK;
}

#else

static void stay(void *guard) {
  longjmp(((struct guard *)guard)->here, THREAD_ENDED);
}

static __attribute__((noinline)) enum return_kind call(void (*function)(void *), void *context) {
  pthread_cleanup_push(stay, innermost);
  function(context);
  pthread_cleanup_pop(0);
  return CAME_BACK;
}

#endif

enum return_kind cexit__guarded(void (*function)(void *), void *context, const void *run) {
  struct guard guard = {.outer = innermost,
                        .run = run,
                        .frame = cexit__thread.running,
                        .finalizers = cexit__thread.finalizers,
                        .depth = innermost != NULL ? innermost->depth + 1 : 0};
  switch (_setjmp(guard.here)) {
  case EXITED_AGAIN:
    return leave(&guard, EXITED_AGAIN);
  case THREAD_ENDED:
    return leave(&guard, THREAD_ENDED);
  default:
    innermost = &guard;
    cexit__thread.finalizers = 0; // this run may stand in a finalizer that does not come back
    return leave(&guard, call(function, context));
  }
}
