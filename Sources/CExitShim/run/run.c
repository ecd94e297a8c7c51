// SPDX-License-Identifier: Apache-2.0
//
// Running stacks, and the threads that do.
//
// An older handler must not start while a newer handler is at work. So one thread runs a stack at a time, and a second
// thread waits for its turn. A handler may run its own stack again: this inner run runs the rest. If waiting would
// deadlock, a thread returns without running anything: the other thread will run the rest.
//
// The process must not end in the middle of a manual run. So the threads in a manual run are counted, and the exit waits.
// A thread notes its own run first and takes the note back last: the exit of a signal handler that came in between counts
// one thread too few, and never waits for ever.

#include "run.h"

static _Atomic int32_t busy;     // threads in a manual run; a change wakes the threads that wait
static _Atomic uint32_t turns;   // grows when a stack is free again
static _Atomic uint32_t waiting; // threads asleep on `busy` or `turns`
static uint32_t runs;            // numbers the runs; written with the lock held
static struct waiter {
  struct waiter *next;
  uintptr_t thread;
  const cexit_stack *stack;
} * waiters; // threads that wait for a turn; read and written with the lock held

static void wake(const void *word) {
  if (atomic_load(&waiting) != 0) cexit__futex_wake(word, INT32_MAX);
}

static void count_in(int32_t by) {
  atomic_fetch_add(&busy, by);
  wake(&busy);
}

void cexit__has_waited(uint64_t since) {
  if (cexit__now() - since >= LONG_WAIT) cexit__hooks.long_wait();
}

static void wait_while(const void *word, uint32_t seen) { // may wake early
  uint64_t since = cexit__now();
  atomic_fetch_add(&waiting, 1);
  cexit__futex_wait_for(word, seen, LONG_WAIT);
  atomic_fetch_sub(&waiting, 1);
  cexit__has_waited(since);
}

// ---- Threads that do not come back

static void let_go(cexit_stack *stack) {
  stack->runner = 0;
  cexit__stack_close_if_over(stack);
  atomic_fetch_add(&turns, 1);
  wake(&turns);
}

static void stop_waiting(void) {
  struct waiter **link = &waiters;
  while (*link != NULL && (*link)->thread != this_thread()) link = &(*link)->next;
  if (*link != NULL) *link = (*link)->next;
}

// Takes a thread off the innermost stack that the thread runs, and returns the stack with a reference; NULL: no stack.
cexit_stack *cexit__leave_innermost_run(uintptr_t thread) {
  cexit_stack *innermost = NULL;
  if (enter() != 0) return NULL;
  if (thread == this_thread()) stop_waiting();
  for (uint32_t i = 0; i < cexit__stacks.fresh; i++) {
    cexit_stack *stack = stack_at(i);
    if (stack->runner != thread) continue;
    if (innermost == NULL || stack->run_number > innermost->run_number) innermost = stack;
  }
  if (innermost != NULL) {
    innermost->references -= innermost->turns - 1;
    innermost->turns = 0;
    let_go(innermost);
  }
  lock_drop();
  return innermost;
}

void cexit__stop_being_busy(void) {
  if (cexit__thread.manual_runs != 0) count_in(-1);
  cexit__thread.manual_runs = 0;
  cexit__uses_end();
  atomic_store_explicit(&cexit__thread.running, NULL, memory_order_release);
  cexit__frames_changed();
  if (is_observed(OBSERVED_FOR_TIME)) cexit__frames_publish_manual(false);
}

bool cexit__thread_is_running(void) {
  return cexit__thread.manual_runs != 0;
}

// Leaves out the process's own stacks: the exiter runs these. True: the thread was in a run.
static bool finish_runs(uintptr_t thread) {
  bool any = false;
  for (cexit_stack *stack; (stack = cexit__leave_innermost_run(thread)) != NULL; cexit__stack_unreference(stack)) {
    if (stack != PROCESS && stack != QUICK) cexit__run_stack(stack, 0, NULL, NULL);
    any = true;
  }
  return any;
}

void cexit__thread_leaves_runs(void) {
  if (cexit__thread.manual_runs == 0) return;
  finish_runs(this_thread());
  cexit__stop_being_busy();
}

void cexit__finish_runs_of(uintptr_t thread) {
  if (finish_runs(thread)) count_in(-1);
}

void cexit__runs_forked(void) {
  atomic_store(&busy, cexit__thread.manual_runs != 0);
  atomic_store(&waiting, 0);
  waiters = NULL;
}

bool cexit__others_run(void) {
  return atomic_load(&busy) > 0;
}

bool cexit__wait_for_others(void) {
  bool waited = false;
  for (int32_t seen; (seen = atomic_load(&busy)) > 0; waited = true) {
    if (!waited) trace(MOMENT_WAIT_BEGINS, "manual runs");
    wait_while(&busy, (uint32_t)seen);
  }
  if (waited) trace(MOMENT_WAIT_ENDS, "manual runs");
  return waited;
}

// ---- Runs

static inline void count_busy(int32_t by) {
  if (SINGLE_THREADED)
    atomic_store_explicit(&busy, atomic_load_explicit(&busy, memory_order_relaxed) + by, memory_order_relaxed);
  else
    count_in(by);
}

int cexit__run_begin(void) {
  int saved = errno;
  if (cexit__thread.manual_runs++ != 0) return saved;
  STEP();
  if (is_observed(OBSERVED_FOR_TIME)) cexit__frames_publish_manual(true);
  count_busy(1);
  return saved;
}

void cexit__run_end(int saved) {
  if (cexit__thread.manual_runs == 1) {
    count_busy(-1);
    if (is_observed(OBSERVED_FOR_TIME)) cexit__frames_publish_manual(false);
  }
  STEP();
  cexit__thread.manual_runs--;
  errno = saved;
}

void cexit__run_nested(void *stack) {
  struct frame *here = cexit__thread.running;
  cexit_observer observer = here->observer;
  here->observer = NULL; // the observer hears of the handlers, not of their stack
  cexit__run_stack(stack, 0, observer, here->observer_context);
}

static bool waits_for_this_thread(uintptr_t thread) {
  while (thread != this_thread()) {
    const struct waiter *waiter = waiters;
    while (waiter != NULL && waiter->thread != thread) waiter = waiter->next;
    if (waiter == NULL) return false;
    thread = waiter->stack->runner;
  }
  return true;
}

// Takes the lock, and the stack for this thread: 0. Else without the lock, and without the stack: EDEADLK, or EBUSY where
// another thread has the stack, and this thread may not wait.
int cexit__take_turn(cexit_stack *stack, bool waits) {
  int error = enter();
  if (error != 0) return error;
  stack->references++;
  while (stack->runner != 0 && stack->runner != this_thread()) {
    if (!waits || waits_for_this_thread(stack->runner)) {
      cexit__stack_drop(stack);
      lock_drop();
      return EBUSY;
    }
    struct waiter here = {waiters, this_thread(), stack};
    STEP();
    waiters = &here;
    uint32_t seen = atomic_load(&turns);
    lock_drop();
    trace(MOMENT_WAIT_BEGINS, "another thread");
    wait_while(&turns, seen);
    trace(MOMENT_WAIT_ENDS, "another thread");
    if ((error = enter()) != 0) return error;
    stop_waiting();
  }
  stack->turns++;
  stack->runner = this_thread();
  stack->run_number = ++runs;
  return 0;
}

void cexit__end_turn(cexit_stack *stack) { // drops the lock
  if (--stack->turns == 0) let_go(stack);
  cexit__stack_drop(stack);
  lock_drop();
}

struct run { // the arguments of a run of a stack, and the result
  cexit_stack *stack;
  uint32_t floor;
  cexit_observer observer;
  void *context;
  int *error; // NULL: waits for another thread's run
  size_t ran;
};

static void run_stack(void *context) {
  struct run *run = context;
  int saved = cexit__run_begin(), error = cexit__take_turn(run->stack, run->error == NULL);
  if (error == 0 && cexit__call_all(run->stack, run->floor, run->observer, run->context, saved, &run->ran))
    cexit__end_turn(run->stack);
  cexit__run_end(saved);
  if (run->error != NULL) *run->error = error;
}

static size_t run_with(cexit_stack *stack, uint32_t floor, cexit_observer observer, void *context, int *error) {
  struct run run = {stack != NULL ? stack : PROCESS, floor, observer, context, error, 0};
  cexit__run_noticed(run_stack, &run);
  return run.ran;
}

size_t cexit__run_stack(cexit_stack *stack, uint32_t floor, cexit_observer observer, void *context) {
  return run_with(stack, floor, observer, context, NULL);
}

int cexit__stack_try_run_observed(cexit_stack *stack, cexit_observer observer, void *context) {
  int error;
  run_with(stack, 0, observer, context, &error);
  return error;
}

int cexit__stack_try_run(cexit_stack *stack, size_t *ran) {
  int error;
  size_t count = run_with(stack, 0, NULL, NULL, &error);
  if (error == 0 && ran != NULL) *ran = count;
  return error;
}

size_t cexit__stack_run(cexit_stack *stack) {
  return cexit__run_stack(stack, 0, NULL, NULL);
}

size_t cexit__stack_run_observed(cexit_stack *stack, cexit_observer observer, void *context) {
  return cexit__run_stack(stack, 0, observer, context);
}
