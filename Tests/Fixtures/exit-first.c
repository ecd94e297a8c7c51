// SPDX-License-Identifier: Apache-2.0
// Programs that call nothing of CExitFirst: they leave by plain exit or return from main.

#include "threads.h"

static void say_in_libc(void) {
  say("libc's\n");
}

static void *exit_with(void *status) {
  exit((int)(intptr_t)status);
}

static void register_late(void) {
  say("libc's registers\n");
  push_name(NULL, "late");
}

static int order(int count, char **arguments) { // <return|exit|thread>
  CHECK(count == 1);
  CHECK(atexit(register_late) == 0);
  push_name(NULL, "older");
  CHECK(atexit(say_in_libc) == 0);
  push_name(NULL, "newer");
  if (strcmp(arguments[0], "exit") == 0) exit(3);
  if (strcmp(arguments[0], "thread") == 0) join(start(exit_with, (void *)3));
  return 3;
}

static int leave_quickly(int count, char **arguments) { // <_exit|quick_exit>: CExitFirst changes neither
  CHECK(count == 1);
  CHECK(atexit(say_in_libc) == 0);
  push_name(NULL, "handler");
  if (strcmp(arguments[0], "_exit") == 0) _exit(3);
  quick_exit(3);
}

static void say_status(int status, void *unused) {
  (void)unused;
  say("handler hears %d\n", status);
}

static int hear_status(int count, char **arguments) { // <return|exit>
  CHECK(count == 1 && cexit_on_exit(say_status, NULL) == 0);
  if (strcmp(arguments[0], "exit") == 0) exit(3);
  return 3;
}

static int leak(int count, char **arguments) { // <return|exit>: memory that no pointer leads to
  CHECK(count == 1);
  push_name(NULL, "handler");
  void *volatile lost = malloc(100);
  memset(lost, 1, 100);
  lost = NULL;
  if (strcmp(arguments[0], "exit") == 0) exit(3);
  return 3;
}

static int vfork_child(int count, char **arguments) { // a child of vfork calls exit, where only _exit is allowed
  (void)count, (void)arguments;
  pid_t child = vfork();
  if (child == 0) exit(7);
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  say("%#x\n", status);
  push_name(NULL, "parent's");
  return 0;
}

// ---- Many threads

static void check_all_ran(void) { // the oldest of libc's handlers, so the last to run
  for (uintptr_t i = 0; i < 64; i++) CHECK(atomic_load(&ran[i]) == 1);
}

static void *exit_together(void *status) {
  pthread_barrier_wait(&together);
  exit((int)(intptr_t)status);
}

static void libc_slow(void) {
  take_a_while();
}

static void leave_all(unsigned threads, int foreign) {
  CHECK(atexit(check_all_ran) == 0);
  for (uintptr_t i = 0; i < 64; i++) push(NULL, i % 16 == 0 ? once_slowly : once, (void *)i);
  for (int i = 0; i < foreign; i++) CHECK(atexit(libc_slow) == 0);
  pthread_barrier_init(&together, NULL, threads);
  for (unsigned i = 1; i < threads; i++) start(exit_together, (void *)(uintptr_t)(1 + i % 16));
  exit_together((void *)1);
}

static void sixty_four_exit(void) {
  leave_all(64, 64);
}

static void nine_exit(void) {
  leave_all(9, 0);
}

static int crowd(int count, char **arguments) {
  return in_children(rounds(count, arguments), sixty_four_exit, -1);
}

static int nine(int count, char **arguments) {
  return in_children(rounds(count, arguments), nine_exit, -1);
}

// libc runs handlers older than the stack; a second thread that exits now does not end the process before they are done.
static _Atomic pid_t leaver;

static void *exit_when_asked(void *status) {
  wait_for(1);
  atomic_store(&leaver, gettid());
  exit((int)(intptr_t)status);
}

static void let_leave(void) {
  reach(1);
  while (atomic_load(&leaver) == 0) sched_yield();
  wait_until_asleep(atomic_load(&leaver));
  say("libc's ends\n");
}

static int late(int count, char **arguments) {
  (void)count, (void)arguments;
  CHECK(atexit(let_leave) == 0);
  push_name(NULL, "handler");
  start(exit_when_asked, (void *)4);
  return 3;
}

static void hold(void *unused) {
  (void)unused;
  reach(1);
  wait_for(2);
}

static int child(int count, char **arguments) { // a child made while another thread exits
  (void)count, (void)arguments;
  push(NULL, hold, NULL);
  start(exit_with, (void *)3);
  wait_for(1);
  pid_t made = fork();
  if (made == 0) {
    push_name(NULL, "child's");
    printf("flushed\n");
    exit(5);
  }
  int status;
  CHECK(waitpid(made, &status, 0) == made);
  say("%#x\n", status);
  reach(2);
  for (;;) pause();
}

FIXTURE({"order", order}, {"quickly", leave_quickly}, {"status", hear_status}, {"leak", leak}, {"vfork", vfork_child},
        {"crowd", crowd}, {"nine", nine}, {"late", late}, {"child", child})
