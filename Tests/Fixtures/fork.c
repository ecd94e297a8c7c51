// SPDX-License-Identifier: Apache-2.0
// Every way to make a child, in every state of the parent. The child runs its own handlers only, and never hangs.

#include "fixture.h"
#include "fork-unwiped.h"

#include <sys/syscall.h>

static pid_t by_fork(void) {
  return fork();
}
#ifdef __GLIBC__
#if !__GLIBC_PREREQ(2, 34) // older glibc has no _Fork, the fork that calls no handlers of pthread_atfork
#define _Fork() ((pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL))
#endif
#endif
static pid_t by__Fork(void) {
  return _Fork();
}
static pid_t by_clone(void) {
  return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

typedef pid_t forker(void);

static forker *forker_named(int count, char **arguments) {
  if (count > 0 && strcmp(arguments[0], "_Fork") == 0) return by__Fork;
  if (count > 0 && strcmp(arguments[0], "clone") == 0) return by_clone;
  return by_fork;
}

static void parents(void) {
  say("parent's\n");
}

static int own(int count, char **arguments) { // a child runs its own entries, and cannot touch inherited entries
  forker *make = forker_named(count, arguments);
  cexit_handler handler;
  cexit_entry entry = {.function = say_name, .context = "parent's, by handle"};
  CHECK(cexit_atexit(parents) == 0);
  CHECK(cexit_register(NULL, &entry, &handler) == 0);
  pid_t child = make();
  if (child == 0) {
    CHECK(cexit_stack_count(NULL) == 0);
    CHECK(!cexit_is_pending(handler) && !cexit_cancel(handler) && !cexit_run(handler));
    CHECK(cexit_unregister(parents) == 0);
    push_name(NULL, "child's");
    pid_t grandchild = make();
    if (grandchild == 0) {
      push_name(NULL, "grandchild's");
      exit(2);
    }
    say_end(grandchild);
    exit(1);
  }
  say_end(child);
  CHECK(cexit_stack_count(NULL) == 2);
  return 0;
}

static int nothing(int count, char **arguments) { // a child that only exits
  push_name(NULL, "parent's");
  pid_t child = forker_named(count, arguments)();
  if (child == 0) exit(7);
  say_end(child);
  return 0;
}

static int adopt(int count, char **arguments) {
  cexit_stack *module;
  push_name(NULL, "parent's");
  CHECK(cexit_stack_nest(NULL, "module", &module) == 0);
  push_name(module, "module's");
  pid_t child = forker_named(count, arguments)();
  if (child == 0) {
    push_name(module, "child's");
    CHECK(cexit_adopt() == 0);
    CHECK(cexit_stack_count(module) == 2);
    pid_t grandchild = fork();
    if (grandchild == 0) exit(0);
    say_end(grandchild);
    exit(1);
  }
  say_end(child);
  return 0;
}

static forker *chosen;

static void fork_here(void *exits) {
  pid_t child = chosen();
  if (child == 0) {
    CHECK(!cexit_is_exiting() && !cexit_exit_status(NULL));
    push_name(NULL, "child's");
    if (exits != NULL) exit(1);
    return; // the child goes on in the parent's exit, and leaves the process by that exit
  }
  say_end(child);
}

static int in_handler(int count, char **arguments) {
  chosen = forker_named(count, arguments);
  push_name(NULL, "parent's 1");
  push(NULL, fork_here, "exits");
  push_name(NULL, "parent's 2");
  push(NULL, fork_here, NULL);
  return 3;
}

// A child made while another thread is exiting.

static _Atomic int step;

static void reach(int number) {
  atomic_store(&step, number);
}

static void wait_for(int number) {
  while (atomic_load(&step) < number) sched_yield();
}

static void hold_exit(void *unused) {
  (void)unused;
  reach(1);
  wait_for(2);
}

static void *exits(void *unused) {
  (void)unused;
  exit(5);
}

static CEXIT_NORETURN void leave_by(const char *way, int status) {
  strcmp(way, "door") == 0 ? cexit_exit(status) : exit(status);
  abort();
}

static int while_exiting(int count, char **arguments) { // <way to fork> exit|door
  CHECK(count == 2);
  chosen = forker_named(count, arguments);
  push_name(NULL, "parent's");
  push(NULL, hold_exit, NULL);
  pthread_t thread = start(exits, NULL);
  wait_for(1);
  for (int i = 1; i <= 2; i++) {
    pid_t child = chosen();
    if (child == 0 && i == 1) push_name(NULL, "child's");
    if (child == 0) leave_by(arguments[1], i);
    say_end(child);
  }
  reach(2);
  join(thread);
  return 0;
}

// A child made while two threads register can make every call, at whatever point fork stopped the threads.

static void count_up(void *counter) {
  ++*(int *)counter;
}

static void *registers(void *unused) {
  static const int others;
  (void)unused;
  cexit_entry entry = {.function = count_up, .context = (void *)&others};
  for (;;) {
    cexit_handler handlers[40];
    for (int k = 0; k < 40; k++) CHECK(cexit_register(NULL, &entry, &handlers[k]) == 0);
    for (int k = 0; k < 40; k++) CHECK(cexit_cancel(handlers[k]));
  }
  return NULL;
}

static void report(void *counter) {
  _exit(*(int *)counter == 2 ? 0 : 1);
}

static int under_load(int count, char **arguments) {
  forker *make = forker_named(count, arguments);
  int rounds = count > 1 ? atoi(arguments[1]) : 200;
  static int ran;
  CHECK(cexit_stack_count(NULL) == 0); // the first call, before the threads start, installs the library's fork handlers
  start(registers, NULL);
  start(registers, NULL);
  for (int i = 0; i < rounds; i++) {
    pid_t child = make();
    if (child == 0) {
      alarm(20);
      cexit_entry entry = {.function = count_up, .context = &ran};
      cexit_handler handler;
      push(NULL, report, &ran);
      CHECK(cexit_register(NULL, &entry, NULL) == 0 && cexit_register(NULL, &entry, &handler) == 0);
      CHECK(cexit_register(NULL, &entry, NULL) == 0);
      CHECK(cexit_cancel(handler) && !cexit_cancel(handler));
      CHECK(cexit_stack_count(NULL) == 3);
      for (int k = 0; k < 300; k++) CHECK(cexit_register(NULL, &entry, &handler) == 0 && cexit_cancel(handler));
      // In a child of _Fork or clone a thread that was not copied may hold libc's lock, so such a child cannot exit.
      if (make == by_fork) exit(0);
      CHECK(cexit_stack_run(NULL) == 0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  say("done\n");
  _exit(0);
}

static int by_vfork(int count, char **arguments) { // exit in a child of vfork does not run the parent's handlers
  (void)count, (void)arguments;
  push_name(NULL, "parent's");
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  pid_t child = vfork();
  if (child == 0) exit(7);
  say_end(child);
  child = vfork();
  if (child == 0) cexit_exit(8);
  say_end(child);
  push_name(NULL, "parent's, later");
  return 0;
}

int plugin_calls;

static int closes_plugin(int count, char **arguments) { // a child does not adopt entries of an unloaded object
  CHECK(count == 2);
  void *plugin = dlopen(arguments[1], RTLD_NOW);
  CHECK(plugin != NULL);
  void (*prepare)(const char *, CExitPhase, uint32_t) =
      (void (*)(const char *, CExitPhase, uint32_t))dlsym(plugin, "plugin_register");
  CHECK(prepare != NULL);
  push_name(NULL, "parent's");
  prepare("registered", CExitPhaseNormal, 0);
  pid_t child = forker_named(count, arguments)();
  if (child == 0) {
    CHECK(dlclose(plugin) == 0);
    CHECK(cexit_adopt() == 0);
    exit(0);
  }
  say_end(child);
  return 0;
}

FIXTURE({"own", own}, {"nothing", nothing}, {"adopt", adopt}, {"handler", in_handler}, {"exiting", while_exiting},
        {"load", under_load}, {"vfork", by_vfork}, {"plugin", closes_plugin})
