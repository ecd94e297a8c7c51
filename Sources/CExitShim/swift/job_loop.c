// SPDX-License-Identifier: Apache-2.0
//
// What a thread needs to run Swift jobs itself: a place to sleep, and the main queue.
//
// On the main thread both are one thing, the main queue: libdispatch wakes the queue's thread when an item arrives, and
// so does a thread that wakes the loop. Elsewhere the loop sleeps on its own word. libdispatch and the Swift runtime are
// weak references: a C program has neither.

#include "swift.h"

#if defined(__clang__)
#define SWIFT_CC __attribute__((swiftcall))
#else
#define SWIFT_CC
#endif

typedef struct executor {
  uintptr_t identity, implementation;
} executor;
typedef SWIFT_CC executor (*main_executor)(void);

RUNTIME extern char _dispatch_main_q;
RUNTIME extern const char *dispatch_queue_get_label(const void *queue);
RUNTIME extern void dispatch_async_f(void *queue, void *context, void (*function)(void *));
RUNTIME extern void _dispatch_main_queue_callback_4CF(void *unused); // made for CFRunLoop, hence the name
RUNTIME extern SWIFT_CC executor (*swift_task_getMainExecutor_hook)(main_executor original);
RUNTIME extern SWIFT_CC bool swift_task_isCurrentExecutorWithFlags(uintptr_t identity, uintptr_t implementation,
                                                                   uintptr_t flags);

struct cexit_loop {
  _Atomic uint32_t woken;
  bool serves_main_queue; // else the loop sleeps on `woken`
};

// ---- The main actor

static bool is_main_queue(void) {
  return dispatch_queue_get_label != NULL &&
         dispatch_queue_get_label(NULL) == dispatch_queue_get_label(&_dispatch_main_q);
}

// After dispatch_main, which an asynchronous main ends in, the main queue is served by any thread.
bool cexit__main_is_here(void) {
  return cexit__is_main_thread() || is_main_queue();
}

// A queue that any thread serves cannot be drained from within; the end of the main thread makes it one, and the main
// thread is in exit after that if it was the last. In a forked child libdispatch still takes the parent's main thread for
// the owner of the queue.
bool cexit__main_is_idle(void) {
  static _Atomic uint32_t home;
  uint32_t known = 0, here = cexit__process_number();
  bool forked = !atomic_compare_exchange_strong(&home, &known, here) && known != here;
  return cexit__is_main_thread() && is_main_queue() && !forked && !cexit__thread.swift.has_ended;
}

void cexit__main_drain(void) {
  if (_dispatch_main_queue_callback_4CF != NULL) _dispatch_main_queue_callback_4CF(NULL);
}

bool cexit__main_post(void (*function)(void *)) {
  if (dispatch_async_f == NULL) return false;
  dispatch_async_f(&_dispatch_main_q, NULL, function);
  return true;
}

static executor stand_in;

static SWIFT_CC executor main_is_stand_in(main_executor original) {
  (void)original;
  return stand_in;
}

void cexit__main_stand_in(uintptr_t identity, uintptr_t implementation) {
  if (&swift_task_getMainExecutor_hook == NULL) return;
  if (identity != 0) stand_in = (executor){identity, implementation};
  __atomic_store_n(&swift_task_getMainExecutor_hook, identity != 0 ? main_is_stand_in : NULL, __ATOMIC_RELEASE);
}

bool cexit__executor_is_current(uintptr_t identity, uintptr_t implementation) {
  return swift_task_isCurrentExecutorWithFlags != NULL &&
         swift_task_isCurrentExecutorWithFlags(identity, implementation, 0);
}

// ---- The loop

static cexit_loop shared;

cexit_loop *cexit__loop_create(void) {
  cexit_loop *loop = malloc(sizeof *loop);
  if (loop == NULL) return &shared;
  *loop = (cexit_loop){0, cexit__has_main_queue() && cexit__main_is_idle()};
  return loop;
}

void cexit__loop_destroy(cexit_loop *loop) {
  if (loop != &shared) free(loop);
}

void cexit__loop_wake(cexit_loop *loop) {
  if (atomic_exchange(&loop->woken, 1) != 0 && loop != &shared) return;
  if (loop->serves_main_queue)
    cexit__main_queue_wake();
  else
    cexit__futex_wake(&loop->woken, INT32_MAX);
}

void cexit__loop_wait(cexit_loop *loop, int64_t nanoseconds) {
  if (atomic_exchange(&loop->woken, 0) != 0) return;
  if (nanoseconds < 0 || nanoseconds > LONG_WAIT) nanoseconds = LONG_WAIT;
  uint64_t since = cexit__now();
  if (loop->serves_main_queue)
    cexit__main_queue_wait((uint64_t)nanoseconds);
  else
    cexit__futex_wait_for(&loop->woken, 0, (uint64_t)nanoseconds);
  atomic_exchange(&loop->woken, 0);
  cexit__has_waited(since);
}
