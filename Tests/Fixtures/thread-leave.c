// SPDX-License-Identifier: Apache-2.0
// Threads that leave at the same time, late, or in the middle of a handler. The last argument of most cases is how many
// rounds.

#include "threads.h"

// ---- Everybody exits

static uintptr_t expected_runs;
static void (*leaving)(int status);

static void check_all_ran(void) { // libc's oldest
  for (uintptr_t i = 0; i < expected_runs; i++) CHECK(atomic_load(&ran[i]) == 1);
}

static _Atomic pid_t leavers[17]; // by status

static void *leave_together(void *status) {
  atomic_store(&leavers[(uintptr_t)status], gettid());
  pthread_barrier_wait(&together);
  leaving((int)(intptr_t)status);
  return NULL;
}

static void all_leave(unsigned threads) {
  pthread_barrier_init(&together, NULL, threads);
  for (unsigned i = 1; i < threads; i++) start(leave_together, (void *)(uintptr_t)i);
  leave_together((void *)(uintptr_t)threads);
}

static void sixteen_exit(void) {
  atexit(check_all_ran);
  for (expected_runs = 0; expected_runs < 40; expected_runs++) push(NULL, once_slowly, (void *)expected_runs);
  leaving = exit;
  all_leave(16);
}

static void adds_two_more(void *number) {
  once_slowly(number);
  push(NULL, once_slowly, (void *)((uintptr_t)number + 1));
  push(NULL, once_slowly, (void *)((uintptr_t)number + 2));
}

static void exits_again(void *number) {
  once(number);
  exit(9);
}

static void eight_exit(void) { // some handlers register more, the oldest exits again
  atexit(check_all_ran);
  push(NULL, exits_again, (void *)0);
  for (expected_runs = 1; expected_runs < 64; expected_runs += 3) push(NULL, adds_two_more, (void *)expected_runs);
  leaving = exit;
  all_leave(9);
}

static int exit_together(int count, char **arguments) {
  return in_children(rounds(count, arguments), sixteen_exit, -1);
}

static int exit_and_add(int count, char **arguments) {
  return in_children(rounds(count, arguments), eight_exit, 9);
}

static void libc_slow(void) {
  take_a_while();
}

static int foreign_above, foreign_below;

static void newest_of_ours(void *unused) { // comes to its end when both are in exit
  (void)unused;
  say("newest\n");
  wait_until_asleep(leavers[leavers[1] == gettid() ? 2 : 1]);
}

static void with_foreign_handlers(void) {
  for (int i = 0; i < foreign_below; i++) atexit(libc_slow);
  for (expected_runs = 0; expected_runs < 10; expected_runs++) push(NULL, once_slowly, (void *)expected_runs);
  push(NULL, newest_of_ours, NULL);
  for (int i = 0; i < foreign_above; i++) atexit(libc_slow);
  all_leave(2);
}

static int foreign(int count, char **arguments) { // <above> <below> <how> <rounds>
  CHECK(count == 4);
  foreign_above = atoi(arguments[0]);
  foreign_below = atoi(arguments[1]);
  leaving = strcmp(arguments[2], "exit") == 0 ? exit : cexit_exit;
  return in_children(rounds(count, arguments), with_foreign_handlers, -1);
}

// Each handler starts a thread that exits as well, with another status; one registers another, one exits with 77.

static void *exit_with(void *status) {
  exit((int)(intptr_t)status);
}

static void torture(void *number) {
  start(exit_with, (void *)((uintptr_t)number + 1));
  once_slowly(number);
}

static void torture_and_add(void *number) {
  torture(number);
  push(NULL, torture, (void *)(uintptr_t)20);
}

static void torture_and_exit(void *number) {
  torture(number);
  exit(77);
}

static void tortured(void) {
  expected_runs = 10;
  atexit(check_all_ran);
  for (uintptr_t i = 0; i < 10; i++)
    push(NULL, i == 5 ? torture_and_add : i == 2 ? torture_and_exit : torture, (void *)i);
  exit(1);
}

static int torturer(int count, char **arguments) {
  return in_children(rounds(count, arguments), tortured, 77);
}

// ---- A thread that exits when the last handler has run

static _Atomic pid_t leaver;

static void *leave_when_asked(void *status) {
  wait_for((int)(intptr_t)status);
  atomic_store(&leaver, gettid());
  exit((int)(intptr_t)status);
}

static void let_leave(int status) {
  reach(status);
  while (atomic_load(&leaver) == 0) sched_yield();
  wait_until_asleep(atomic_exchange(&leaver, 0));
}

static void let_first_leave(void *unused) {
  (void)unused;
  let_leave(4);
}

static bool ends_itself;

static void let_second_leave(void) { // libc's: the stack has run
  let_leave(5);
  say("all wait\n");
  if (ends_itself) pthread_exit(NULL);
}

static int late(int count, char **arguments) { // <ends|>: so does the thread that exits, at the last moment
  CHECK(count == 1);
  ends_itself = strcmp(arguments[0], "ends") == 0;
  CHECK(atexit(let_second_leave) == 0);
  push(NULL, let_first_leave, NULL);
  start(leave_when_asked, (void *)4);
  start(leave_when_asked, (void *)5);
  exit(3);
}

// ---- A thread ends in a handler while others wait

static void end_thread(void *name) {
  say("%s ends its thread\n", (const char *)name);
  pthread_exit(NULL);
}

static void cancel_thread(void *name) {
  say("%s is cancelled\n", (const char *)name);
  pthread_cancel(pthread_self());
  pthread_testcancel();
}

static void wait_for_waiters(void *unused) { // every other thread is on its way into exit
  (void)unused;
  reach(2);
  take_a_while();
}

static void *exit_later(void *status) {
  wait_for(2);
  exit((int)(intptr_t)status);
}

static int thread_ends(int count, char **arguments) { // <exit|cancel>: two handlers do
  CHECK(count == 1);
  void (*ends)(void *) = strcmp(arguments[0], "exit") == 0 ? end_thread : cancel_thread;
  push_name(NULL, "1");
  push(NULL, ends, "2");
  push_name(NULL, "3");
  push(NULL, ends, "4");
  push(NULL, wait_for_waiters, NULL);
  start(exit_with, (void *)5);
  start(exit_later, (void *)6);
  exit_later((void *)6);
  return 0;
}

static int hand_run_ends(int count, char **arguments) { // a thread ends in a handler that it runs by hand
  (void)count, (void)arguments;
  cexit_stack *stack, *module;
  CHECK(cexit_stack_create(NULL, &stack) == 0);
  push_name(stack, "1");
  CHECK(cexit_stack_nest(stack, "module", &module) == 0);
  push_name(module, "module 1");
  push(module, end_thread, "module 2");
  push(stack, end_thread, "2");
  join(start(run_by_hand, stack));
  say("left: %zu\n", cexit_stack_count(stack));
  join(start(run_by_hand, stack));
  say("left: %zu\n", cexit_stack_count(stack));
  CHECK(cexit_stack_run(stack) == 2);
  cexit_stack_destroy(module);
  cexit_stack_destroy(stack);
  return 0;
}

static int last_thread_ends(int count, char **arguments) { // in a handler, the process exits
  (void)count, (void)arguments;
  push_name(NULL, "1");
  push(NULL, end_thread, "2");
  push(NULL, end_thread, "3");
  join(start(run_by_hand, NULL));
  return 5;
}

FIXTURE({"together", exit_together}, {"add", exit_and_add}, {"foreign", foreign}, {"torture", torturer}, {"late", late},
        {"ends", thread_ends}, {"hand-run-ends", hand_run_ends}, {"last-ends", last_thread_ends})
