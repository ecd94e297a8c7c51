// SPDX-License-Identifier: Apache-2.0
// For the programs with threads: counts of runs, steps to wait for, and rounds, each a child of its own.

#include "fixture.h"

enum { MOST_HANDLERS = 1 << 17 };

static atomic_int ran[MOST_HANDLERS]; // how often, for each handler
static _Atomic int step;
static pthread_barrier_t together __attribute__((unused));

static inline void reach(int number) {
  atomic_store(&step, number);
}

static inline void wait_for(int number) {
  while (atomic_load(&step) < number) sched_yield();
}

/// Lets other threads come. Beside two busy programs 50 calls of sched_yield would take a fifth of a second, and the library
/// would say that an exit of 33 such handlers waits.
static inline void take_a_while(void) {
  nanosleep(&(struct timespec){0, 20000}, NULL);
}

static inline void wait_until_asleep(pid_t thread) { // a thread on its way into exit sleeps in exit
  char path[64], state[256] = "";
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
  while (strstr(state, ") S") == NULL) {
    int file = open(path, O_RDONLY);
    CHECK(file >= 0 && read(file, state, sizeof state - 1) > 0);
    close(file);
  }
}

static inline void once(void *number) {
  CHECK(atomic_fetch_add(&ran[(uintptr_t)number], 1) == 0);
}

static inline void once_slowly(void *number) {
  take_a_while();
  once(number);
  take_a_while();
}

static inline size_t rounds(int count, char **arguments) {
  return count > 0 ? strtoul(arguments[count - 1], NULL, 10) : 20;
}

/// Runs `round` in as many children as asked; each has to end with `status`, or any from 1 to 16 where that is -1.
static inline int in_children(size_t many, void (*round)(void), int status) {
  for (size_t i = 0; i < many; i++) {
    pid_t child = fork();
    if (child == 0) {
      alarm(50);
      round();
    }
    int ended;
    CHECK(waitpid(child, &ended, 0) == child);
    int got = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
    if (got >= 0 && (got == status || (status < 0 && got >= 1 && got <= 16))) continue;
    dprintf(STDERR_FILENO, "round %zu: %s %d\n", i, WIFEXITED(ended) ? "status" : "signal",
            WIFEXITED(ended) ? WEXITSTATUS(ended) : WTERMSIG(ended));
    return 1;
  }
  say("done\n");
  return 0;
}

static inline void *run_by_hand(void *stack) {
  cexit_stack_run(stack);
  return NULL;
}
