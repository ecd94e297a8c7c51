// SPDX-License-Identifier: Apache-2.0
// A signal at any moment between the start and the end of a program. The parent sends the signal, and then looks at
// memory that the two share: each handler ran once, or, where the handler was not registered yet, never; and the wait
// status tells the truth.

#include "fixture.h"

#include <sched.h>
#include <time.h>

enum { HANDLERS = 40 };
enum { NOT_YET, BEGUN, REGISTERED, CANCELLED, REFUSED };

static struct {
  _Atomic int installed, left, libc_ran;
  _Atomic int state[HANDLERS], ran[HANDLERS];
} * shared;

static void work(void *number) {
  unsigned seed = (unsigned)getpid() + (unsigned)(uintptr_t)number * 7919;
  nanosleep(&(struct timespec){0, rand_r(&seed) % 50000}, NULL);
  shared->ran[(uintptr_t)number]++;
}

static void libcs(void) {
  shared->libc_ran++;
}

static void live(void) {
  CHECK(atexit(libcs) == 0);
  CHECK(cexit_exit_on_signals(NULL, 0) == 0);
  shared->installed = 1;
  for (uintptr_t i = 0; i < HANDLERS; i++) {
    cexit_handler handler;
    shared->state[i] = BEGUN;
    int error = cexit_register(NULL, &(cexit_entry){.function = work, .context = (void *)i}, &handler);
    CHECK(error == 0 || error == ECANCELED);
    if (error != 0)
      shared->state[i] = REFUSED;
    else if (i % 4 != 3)
      shared->state[i] = REGISTERED;
    else if (cexit_cancel(handler))
      shared->state[i] = CANCELLED;
    else
      shared->state[i] = REGISTERED;
    sched_yield();
  }
  shared->left = 1;
  exit(3);
}

static const char *judge(int status) {
  bool signalled = WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
  bool exited = WIFEXITED(status) && WEXITSTATUS(status) == 3;
  if (!signalled && !exited) return "died of something else";
  if (exited && !shared->left) return "exited before it had come to that";
  bool orderly = shared->installed || exited;
  if (orderly && shared->libc_ran != 1) return "libc's handler did not run once";
  for (int i = 0; i < HANDLERS; i++) {
    int ran = shared->ran[i], state = shared->state[i];
    if (ran > 1) return "a handler ran twice";
    if (ran == 1 && state != REGISTERED && state != BEGUN) return "a handler ran that was none";
    if (ran == 0 && state == REGISTERED && orderly) return "a handler did not run";
  }
  return NULL;
}

static long lifetime(void) { // nanoseconds, of a program that no signal comes to
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  pid_t child = fork();
  if (child == 0) live();
  CHECK(waitpid(child, NULL, 0) == child);
  clock_gettime(CLOCK_MONOTONIC, &end);
  return (end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec - start.tv_nsec;
}

int main(int argc, char **argv) { // <rounds>
  CHECK(argc == 2);
  unsigned seed = 1;
  int early = 0, late = 0;
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  for (int round = 0; round < atoi(argv[1]); round++) {
    long most = lifetime() % 500000000;
    memset((void *)shared, 0, sizeof *shared);
    pid_t child = fork();
    if (child == 0) live();
    nanosleep(&(struct timespec){0, (long)(rand_r(&seed) % 1000 * 1e-3 * (double)most)}, NULL);
    kill(child, SIGTERM);
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    const char *wrong = judge(status);
    if (wrong != NULL) {
      say("round %d, status %x: %s\n", round, status, wrong);
      return 1;
    }
    if (!shared->installed) early++;
    if (WIFEXITED(status)) late++;
  }
  dprintf(STDERR_FILENO, "%d before it was asked for, %d after the end\n", early, late);
  say("as it should be\n");
  _exit(0);
}
