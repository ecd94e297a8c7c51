// SPDX-License-Identifier: Apache-2.0
//
// Little stack, no descriptors, deep nesting, a standard error that takes nothing, and handlers that leave.

#include "fixture.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>

static _Atomic int ran;

static void count(void *unused) {
  (void)unused;
  ran++;
}

static void say_count(void *unused) {
  (void)unused;
  say("%d ran\n", ran);
}

// ---- Where little is left

static void *leave(void *unused) {
  (void)unused;
  cexit_stack *nested;
  CHECK(cexit_stack_nest(NULL, "nested", &nested) == 0);
  for (int i = 0; i < 500; i++) push(i % 2 == 0 ? NULL : nested, count, NULL);
  cexit_exit(4);
}

static int small_stack(int argument_count, char **arguments) { // the least that a thread may have
  (void)argument_count, (void)arguments;
  pthread_attr_t attributes;
  pthread_t thread;
  size_t least = PTHREAD_STACK_MIN > 16384 ? (size_t)PTHREAD_STACK_MIN : 16384; // musl allows what its threads cannot use
  CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, least) == 0);
  push(NULL, say_count, NULL);
  CHECK(pthread_create(&thread, &attributes, leave, NULL) == 0);
  join(thread);
  return 1;
}

static int no_descriptors(int argument_count, char **arguments) {
  (void)argument_count, (void)arguments;
  CHECK(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, 0}) == 0);
  push(NULL, say_count, NULL);
  for (int i = 0; i < 500; i++) push(NULL, count, NULL);
  CHECK(cexit_set_deadline(60000000000) == 0 && cexit_prepare_limits() == 0);
  CHECK(cexit_exit_on_signals((const int[]){SIGTERM}, 1) == 0);
  kill(getpid(), SIGTERM);
  for (;;) pause();
}

// Each one nested in the one before, which is all that is registered with that.
static int deep(int argument_count, char **arguments) {
  CHECK(argument_count == 1);
  int depth = atoi(arguments[0]), made = 0;
  cexit_stack *stack = NULL, *inner;
  push(NULL, say_count, NULL);
  int error = 0;
  for (; made < depth && (error = cexit_stack_nest(stack, "deep", &inner)) == 0; made++) stack = inner;
  say("%d deep: %s\n", made, strerror(error));
  push(stack, count, NULL);
  cexit_exit(4);
}

// ---- A standard error that takes nothing, when the deadline has something to say

static void be_stuck(void *unused) {
  (void)unused;
  for (;;) pause();
}

static int standard_error(int argument_count, char **arguments) {
  CHECK(argument_count == 1);
  int ends[2];
  CHECK(pipe(ends) == 0);
  if (strcmp(arguments[0], "closed") == 0) CHECK(close(STDERR_FILENO) == 0);
  if (strcmp(arguments[0], "full") == 0) {
    CHECK(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    char page[4096] = {0};
    while (write(ends[1], page, sizeof page) > 0) continue;
    CHECK(fcntl(ends[1], F_SETFL, 0) == 0 && dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
  }
  if (strcmp(arguments[0], "broken") == 0) {
    CHECK(dup2(ends[1], STDERR_FILENO) == STDERR_FILENO && close(ends[1]) == 0 && close(ends[0]) == 0);
  }
  push(NULL, be_stuck, NULL);
  CHECK(cexit_set_deadline(100000000) == 0);
  cexit_exit(4);
}

// ---- A handler that leaves in a way of its own

static void fork_and_return(void *unused) { // the child exits in the same run, where everything left is its parent's
  (void)unused;
  pid_t child = fork();
  if (child == 0) {
    cexit_exit(6);
  }
  say_end(child);
}

static void end_at_once(void *unused) {
  (void)unused;
  _exit(5);
}

static void trap(void *unused) {
  (void)unused;
  __builtin_trap();
}

static int leaves(int argument_count, char **arguments) {
  CHECK(argument_count == 1);
  push_name(NULL, "older");
  if (strcmp(arguments[0], "fork") == 0) push(NULL, fork_and_return, NULL);
  if (strcmp(arguments[0], "_exit") == 0) push(NULL, end_at_once, NULL);
  if (strcmp(arguments[0], "trap") == 0) push(NULL, trap, NULL);
  cexit_exit(4);
}

FIXTURE({"small-stack", small_stack}, {"no-descriptors", no_descriptors}, {"deep", deep},
        {"stderr", standard_error}, {"leaves", leaves})
