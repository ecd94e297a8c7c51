// SPDX-License-Identifier: Apache-2.0
//
// The end of a thread.

#include "events.h"

// A thread ends in the middle of a handler: pthread_exit, or a cancellation. The entry that stood for a nested stack
// was taken when its run began; a stack that still holds entries gets a new entry.
void cexit__thread_ended(void *unused) {
  (void)unused;
  cexit__thread.end_watched = false;
  for (cexit_stack *stack; (stack = cexit__leave_innermost_run(this_thread())) != NULL;
       cexit__stack_unreference(stack)) {
    bool left = cexit__stack_count(stack) != 0;
    if (left && cexit__stack_make_ready(stack, stack->owner) != 0) cexit__run_stack(stack, 0, NULL, NULL);
  }
  cexit__stop_being_busy();
  cexit__finalizers_thread_ended();
  cexit__thread.swift.has_ended = true;
  cexit__main_thread_ends();
  cexit__exit_thread_ended();
  cexit__helpers_thread_ended();
}

// The key must not outlive this code, which may be part of a shared object: libc calls this when the object is unloaded.
// libc calls this in exit, too: then the ends of the exiter and of threads that run handlers are still of interest. Asking
// which call this is takes 20 microseconds, a third of what a small program pays for this library; an executable has no need.
__attribute__((noinline)) static void forget_threads(void *unused) {
  (void)unused;
  if (cexit__is_unloading_call(__builtin_return_address(0))) cexit__thread_ends_forget();
}

// The end of the main thread is always of interest: the process has to end with the last thread of the program, though
// this library's own threads are left. So the main thread is watched from the loading of this code on.
__attribute__((constructor)) static void set_up(void) {
  if (cexit__thread_ends_prepare(cexit__thread_ended) != 0) return;
  if (!cexit__is_in_executable(&__dso_handle) && !cexit__libc_add(forget_threads, NULL, &__dso_handle))
    return cexit__thread_ends_forget();
  cexit__watch_main_thread();
}
