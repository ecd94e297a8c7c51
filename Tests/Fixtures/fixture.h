// SPDX-License-Identifier: Apache-2.0
//
// How the C tests work: a fixture program is a table of cases, and its first argument names the case to run. A case
// prints with `say`. The test compares the lines and the wait status with the expected ones (Tests/ProcessSupport).
// `say` writes to standard output without a lock or a buffer, so no way of ending the process can lose a line.

#ifndef FIXTURE_H
#define FIXTURE_H

#include <CExitShim.h>

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#ifndef __cplusplus
#include <stdatomic.h>
#endif
#include <sys/mman.h>
#include <sys/wait.h>

static inline void say(const char *format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  // vdprintf makes a temporary stream, which an exit on another thread may flush a second time. So format first.
  if (length < 0 || write(STDOUT_FILENO, line, (size_t)length) != length) _exit(96);
}

/// Ends the process at once, and prints file and line, where `condition` does not hold.
#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      dprintf(STDERR_FILENO, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                           \
      _exit(99);                                                                                                       \
    }                                                                                                                  \
  } while (0)

/// A handler that prints its context.
static inline void say_name(void *name) {
  say("%s\n", (const char *)name);
}

static inline void push(cexit_stack *stack, void (*function)(void *), void *context) {
  cexit_entry entry = {.function = function, .context = context};
  CHECK(cexit_register(stack, &entry, NULL) == 0);
}

static inline void push_name(cexit_stack *stack, const char *name) {
  push(stack, say_name, (void *)name);
}

static inline pthread_t start(void *(*function)(void *), void *argument) {
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, function, argument) == 0);
  return thread;
}

static inline void join(pthread_t thread) {
  CHECK(pthread_join(thread, NULL) == 0);
}

/// Waits for a child of this process, and prints how the child ended.
static inline void say_end(pid_t child) {
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  if (WIFEXITED(status))
    say("child: %d\n", WEXITSTATUS(status));
  else
    say("child: signal %d\n", WTERMSIG(status));
}

/// Starts this program again with other arguments, by the emulator where one runs this program (EXITKIT_RUN).
static inline void start_again(char **words) {
  char *emulator = getenv("EXITKIT_RUN"), *all[16] = {emulator};
  bool emulated = emulator != NULL && *emulator != 0;
  for (int i = 0; words[i] != NULL && i < 14; i++) all[emulated + i] = words[i];
  execv(all[0], all);
}

/// An instruction that gives SIGILL. The one of __builtin_trap is a breakpoint on some machines.
static inline void illegal_instruction(void) {
#ifdef __aarch64__
  __asm__ volatile(".inst 0");
#endif
  __builtin_trap();
}

struct fixture_case {
  const char *name;
  int (*run)(int count, char **arguments);
};

static inline int run_case(const struct fixture_case *cases, size_t count, int argc, char **argv) {
  for (size_t i = 0; argc > 1 && i < count; i++) {
    if (strcmp(cases[i].name, argv[1]) == 0) return cases[i].run(argc - 2, argv + 2);
  }
  dprintf(STDERR_FILENO, "no such case\n");
  return 98;
}

/// Defines `main` from the table of cases: `FIXTURE({"name", function}, …)`
#define FIXTURE(...)                                                                                                   \
  int main(int argc, char **argv) {                                                                                    \
    static const struct fixture_case cases[] = {__VA_ARGS__};                                                          \
    return run_case(cases, sizeof cases / sizeof *cases, argc, argv);                                                  \
  }

#endif
