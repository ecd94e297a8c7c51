// SPDX-License-Identifier: Apache-2.0
// An exit that waits for a long time, without a deadline. Standard error is a pipe of this process: a handler ends when the
// line about the wait has come, so nothing here depends on time.

#include "fixture.h"

static int ends[2];
static atomic_bool at_work;

static void read_line(void) {
  char line[256];
  for (size_t length = 0; length + 1 < sizeof line; length++) {
    CHECK(read(ends[0], line + length, 1) == 1);
    if (line[length] != '\n') continue;
    line[length] = 0;
    return say("%s\n", line);
  }
}

static void wait_for_line(void *unused) {
  (void)unused;
  at_work = true;
  read_line();
}

static void say_rest(void *unused) { // an exit says one line, however many threads wait
  (void)unused;
  char byte;
  CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 && read(ends[0], &byte, 1) == -1 && errno == EAGAIN);
  say("no other line\n");
}

static void take_stderr(void) {
  CHECK(pipe(ends) == 0 && dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
  push(NULL, say_rest, NULL);
}

static void *leave(void *unused) {
  (void)unused;
  exit(5);
}

static int at_gate(int count, char **arguments) { // main and two more threads wait for the thread that exits
  (void)count, (void)arguments;
  take_stderr();
  cexit_entry entry = {.function = wait_for_line, .name = "join", .file = "app.c", .line = 7};
  CHECK(cexit_register(NULL, &entry, NULL) == 0);
  start(leave, NULL);
  while (!at_work) sched_yield();
  start(leave, NULL);
  start(leave, NULL);
  return 5;
}

static void read_line_in_libc(void) {
  CHECK(fcntl(ends[0], F_SETFL, 0) == 0); // say_rest has run, and no read was to wait then
  at_work = true;
  read_line();
}

static void *leave_by_door(void *unused) {
  (void)unused;
  cexit_exit(5);
}

static int in_libc(int count, char **arguments) { // main waits for a thread that is in a function of libc's list
  (void)count, (void)arguments;
  take_stderr();
  CHECK(atexit(read_line_in_libc) == 0);
  start(leave_by_door, NULL);
  while (!at_work) sched_yield();
  cexit_exit(5);
}

static void *run_stack(void *stack) {
  cexit_stack_run(stack);
  return NULL;
}

static int by_hand(int count, char **arguments) { // the exit waits for a handler that another thread runs by hand
  (void)count, (void)arguments;
  take_stderr();
  cexit_stack *stack;
  CHECK(cexit_stack_create("own", &stack) == 0);
  push(stack, wait_for_line, NULL);
  start(run_stack, stack);
  while (!at_work) sched_yield();
  return 5;
}

static void *run_and_say(void *stack) { // waits for its turn; the process does not exit
  cexit_stack_run(stack);
  say("has waited\n");
  return NULL;
}

static void sleep_long(void *unused) {
  (void)unused;
  at_work = true;
  nanosleep(&(struct timespec){4, 0}, NULL);
}

static int before_exit(int count, char **arguments) { // a run by hand that waits says nothing
  (void)count, (void)arguments;
  take_stderr();
  cexit_stack *stack;
  CHECK(cexit_stack_create("own", &stack) == 0);
  push(stack, sleep_long, NULL);
  pthread_t first = start(run_stack, stack);
  while (!at_work) sched_yield();
  join(start(run_and_say, stack));
  join(first);
  return 5;
}

static int with_deadline(int count, char **arguments) { // the deadline's line is enough
  (void)count, (void)arguments;
  take_stderr();
  CHECK(cexit_set_deadline(60000000000) == 0);
  push(NULL, sleep_long, NULL);
  start(leave, NULL);
  while (!at_work) sched_yield();
  return 5;
}

static int alone(int count, char **arguments) { // signals were asked for; the thread that exits is inside of a handler
  (void)count;
  const char *way = arguments[0];
  take_stderr();
  CHECK(cexit_exit_on_signals(NULL, 0) == 0);
  cexit_entry entry = {.function = wait_for_line, .name = "flush", .file = "app.c", .line = 7};
  CHECK(cexit_register(NULL, &entry, NULL) == 0);
  if (strcmp(way, "signal") == 0) CHECK(kill(getpid(), SIGTERM) == 0);
  if (strcmp(way, "request") == 0) CHECK(cexit_request_exit(5) == 0);
  while (strcmp(way, "exit") != 0) pause();
  return 5;
}

static int in_libc_alone(int count, char **arguments) { // the same, in a function of libc's list
  (void)count, (void)arguments;
  CHECK(atexit(read_line_in_libc) == 0);
  take_stderr();
  CHECK(cexit_exit_on_signals(NULL, 0) == 0);
  cexit_exit(5);
}

FIXTURE({"alone", alone}, {"in libc alone", in_libc_alone}, {"at gate", at_gate}, {"in libc", in_libc}, {"by hand", by_hand}, {"before exit", before_exit},
        {"with deadline", with_deadline})
