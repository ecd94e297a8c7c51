// SPDX-License-Identifier: Apache-2.0
//
// Children that look like their parent: with the same process id, or made without pthread_atfork. And fork handlers of
// the program that call the library.

#include "fixture.h"
#include "fork-unwiped.h"

#include <sched.h>
#include <sys/syscall.h>

static pid_t fork_untold(void) { // calls no handlers of pthread_atfork
  return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

// ---- A child with its parent's process id: each is the first process of a pid namespace, and so has id 1.

static int first_of_namespace(int count, char **arguments) {
  (void)count, (void)arguments;
  int ready[2];
  CHECK(pipe(ready) == 0);
  // Without the right to make a namespace the case cannot run, and prints the expected line.
  if (unshare(CLONE_NEWPID) != 0) return say("SIGTERM ends the child: 143\n"), 0;
  pid_t outer = fork();
  if (outer == 0) {
    CHECK(getpid() == 1 && cexit_exit_on_signals(NULL, 0) == 0 && unshare(CLONE_NEWPID) == 0);
    pid_t inner = fork();
    if (inner == 0) {
      CHECK(getpid() == 1 && write(ready[1], "", 1) == 1);
      for (;;) pause();
    }
    char byte;
    int status;
    CHECK(read(ready[0], &byte, 1) == 1);
    kill(inner, SIGTERM);
    CHECK(waitpid(inner, &status, 0) == inner && WIFEXITED(status));
    say("SIGTERM ends the child: %d\n", WEXITSTATUS(status));
    _exit(0);
  }
  CHECK(waitpid(outer, NULL, 0) == outer);
  return 0;
}

// ---- A child without pthread_atfork's handlers, in which two threads make the first calls of the library.

static pthread_barrier_t together;
static _Atomic int ran;

#ifdef UNWIPED
static int late_look; // the number of the look at the process id that takes long, in one thread of a child
static _Thread_local int looks_left;

pid_t getpid(void) { // meanwhile the other thread makes the child a process, and registers
  if (looks_left > 0 && --looks_left == 0) usleep(2000);
  return (pid_t)syscall(SYS_getpid);
}
#endif

static void count_one(void *unused) {
  (void)unused;
  atomic_fetch_add(&ran, 1);
}

static void *registers_many(void *second) {
#ifdef UNWIPED
  if (second != NULL) looks_left = late_look;
#endif
  pthread_barrier_wait(&together);
  for (int i = 0; i < 8; i++) push(NULL, count_one, NULL);
  return second;
}

static void check_count(void) {
  _exit(atomic_load(&ran) == 16 ? 0 : 1);
}

static int two_first_calls(int count, char **arguments) {
  CHECK(count == 1);
  int wrong = 0;
  push_name(NULL, "parent's");
  for (int round = atoi(arguments[0]); round > 0; round--) {
    pid_t child = fork_untold();
    if (child == 0) {
#ifdef UNWIPED
      late_look = 1 + round % 8;
#endif
      pthread_barrier_init(&together, NULL, 2);
      atexit(check_count);
      pthread_t first = start(registers_many, NULL), second = start(registers_many, "second");
      join(first);
      join(second);
      cexit_exit(2); // runs the stack, then check_count
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    wrong += status != 0;
  }
  say("wrong: %d\n", wrong);
  return 0;
}

// ---- Fork handlers of the program, registered before the first use of the library.

static cexit_handler watched;
static pthread_mutex_t theirs = PTHREAD_MUTEX_INITIALIZER;

static void they_prepare(void) {
  pthread_mutex_lock(&theirs);
  say("prepare: pending %d\n", cexit_is_pending(watched));
}

static void they_go_on(void) {
  say("parent: cancelled %d\n", cexit_cancel(watched));
  pthread_mutex_unlock(&theirs);
}

static void they_begin_again(void) {
  pthread_mutex_unlock(&theirs);
  cexit_entry entry = {.function = say_name, .context = "child's"};
  say("child: registered %d\n", cexit_register(NULL, &entry, NULL));
}

static int fork_handlers(int count, char **arguments) {
  (void)count, (void)arguments;
  CHECK(pthread_atfork(they_prepare, they_go_on, they_begin_again) == 0);
  CHECK(cexit_register(NULL, &(cexit_entry){.function = say_name, .context = "parent's"}, &watched) == 0);
  pid_t child = fork();
  if (child == 0) exit(7);
  say_end(child);
  return 0;
}

static void *registers_under_lock(void *unused) {
  for (;;) {
    pthread_mutex_lock(&theirs);
    cexit_handler handler;
    CHECK(cexit_register(NULL, &(cexit_entry){.function = count_one}, &handler) == 0);
    cexit_cancel(handler);
    pthread_mutex_unlock(&theirs);
  }
  return unused;
}

static void lock_theirs(void) {
  pthread_mutex_lock(&theirs);
}

static void unlock_theirs(void) {
  pthread_mutex_unlock(&theirs);
}

static int lock_order(int count, char **arguments) {
  CHECK(count == 1);
  CHECK(pthread_atfork(lock_theirs, unlock_theirs, unlock_theirs) == 0);
  start(registers_under_lock, NULL);
  for (int round = atoi(arguments[0]); round > 0; round--) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    CHECK(waitpid(child, NULL, 0) == child);
  }
  say("forked\n");
  _exit(0);
}

// ---- A child that destroys, adopts or limits inherited handlers.

static int destroys_then_adopts(int count, char **arguments) {
  (void)count, (void)arguments;
  cexit_stack *inherited, *fresh;
  CHECK(cexit_stack_create("inherited", &inherited) == 0);
  push_name(inherited, "inherited");
  pid_t child = fork();
  if (child == 0) {
    cexit_stack_destroy(inherited);
    CHECK(cexit_stack_create("fresh", &fresh) == 0);
    push_name(fresh, "fresh");
    CHECK(cexit_adopt() == 0);
    say("count %zu\n", cexit_stack_count(fresh));
    size_t count_run = cexit_stack_run(fresh);
    say("ran %zu\n", count_run);
    _exit(0);
  }
  say_end(child);
  return 0;
}

static void limited(void *unused) {
  (void)unused;
  CHECK(cexit_limit(60000000000) == 0);
  say("deadline %d\n", (int)cexit_deadline());
}

static int limits(int count, char **arguments) {
  (void)count, (void)arguments;
  CHECK(cexit_set_deadline(1) == 0);
  pid_t child = fork();
  if (child == 0) {
    push(NULL, limited, NULL);
    exit(7);
  }
  say_end(child);
  _exit(0);
}

FIXTURE({"namespace", first_of_namespace}, {"two", two_first_calls}, {"handlers", fork_handlers}, {"order", lock_order},
        {"destroys", destroys_then_adopts}, {"limit", limits})
