// SPDX-License-Identifier: Apache-2.0
// Leaving by doors that are seldom used, and through the usual one at the same time.

#include "fixture.h"

#include <CExitBinding.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

// ---- Eight threads and one barrier

enum { THREADS = 8, HANDLERS = 64 };

static pthread_barrier_t barrier;
static _Atomic int *ran; // shared with the parent: how often each handler did
static _Atomic int next_plain = HANDLERS;

static void work(void *number) {
  unsigned seed = (unsigned)getpid() + (unsigned)(uintptr_t)number * 7919;
  nanosleep(&(struct timespec){0, rand_r(&seed) % 2000000}, NULL);
  ran[(uintptr_t)number]++;
}

static void plain_work(void) {
  work((void *)(uintptr_t)--next_plain);
}

static void *leave_together(void *how) {
  pthread_barrier_wait(&barrier);
  if (strcmp(how, "cexit_exit") == 0) cexit_exit(5);
  exit(5);
}

static void leave_at_once(char *how) {
  for (uintptr_t i = 0; i < HANDLERS; i++) {
    if (strcmp(how, "plain") == 0) CHECK(atexit(plain_work) == 0);
    else push(NULL, work, (void *)i);
  }
  pthread_barrier_init(&barrier, NULL, THREADS);
  for (int i = 1; i < THREADS; i++) start(leave_together, how);
  leave_together(how);
}

static int together(int count, char **arguments) { // <plain|exit|cexit_exit> <rounds>: how many rounds went wrong
  CHECK(count == 2);
  size_t size = HANDLERS * sizeof *ran;
  int wrong = 0;
  ran = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(ran != MAP_FAILED);
  for (int left = atoi(arguments[1]); left > 0; left--) {
    memset((void *)ran, 0, size);
    pid_t child = fork();
    if (child == 0) leave_at_once(arguments[0]);
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    bool right = WIFEXITED(status) && WEXITSTATUS(status) == 5;
    for (int i = 0; i < HANDLERS; i++) right = right && ran[i] == 1;
    if (!right) wrong++;
  }
  say("wrong: %d\n", wrong);
  _exit(0);
}

// ---- quick_exit

static void *leave_quickly(void *how) {
  pthread_barrier_wait(&barrier);
  quick_exit(5);
  return how;
}

static int quick(int count, char **arguments) { // several threads: each handler once, newest first
  (void)count, (void)arguments;
  static const char *const names[] = {"oldest", "middle", "newest"};
  CHECK(cexit_atexit(plain_work) == 0);
  for (int i = 0; i < 3; i++) push(cexit_quick_stack(), say_name, (void *)names[i]);
  pthread_barrier_init(&barrier, NULL, THREADS);
  for (int i = 1; i < THREADS; i++) start(leave_quickly, NULL);
  leave_quickly(NULL);
  return 97;
}

static void end_quick_thread(void) { // libc's: the quick stack has run
  say("ends its thread\n");
  pthread_exit(NULL);
}

static void *quick_exit_alone(void *status) {
  quick_exit((int)(intptr_t)status);
}

static int quick_ends(int count, char **arguments) { // and then another thread leaves by quick_exit
  (void)count, (void)arguments;
  CHECK(at_quick_exit(end_quick_thread) == 0);
  push_name(cexit_quick_stack(), "handler");
  join(start(quick_exit_alone, (void *)5));
  push_name(cexit_quick_stack(), "late handler");
  quick_exit(6);
}

// ---- A thread that is on its way out itself

static pthread_t other;
static _Atomic bool leaving;

static void *leave_when_asked(void *status) {
  while (!cexit_is_exiting()) sched_yield();
  leaving = true;
  exit((int)(intptr_t)status);
}

static void join_other(void *unused) {
  (void)unused;
  while (!leaving) sched_yield();
  join(other);
  say("joined\n");
}

static int joins(int count, char **arguments) {
  (void)count, (void)arguments;
  CHECK(cexit_set_deadline(500000000) == 0);
  CHECK(cexit_register(NULL, &(cexit_entry){.function = join_other, .name = "joins"}, NULL) == 0);
  other = start(leave_when_asked, (void *)4);
  exit(3);
}

// ---- A main thread that waits for the exit of another thread

static pid_t main_task;

static void note_signal(int number) {
  (void)number;
  leaving = true;
}

static void fork_at_gate(int number) {
  pid_t child = fork();
  if (child == 0) return push_name(NULL, "child's");
  say_end(child);
  note_signal(number);
}

static void wait_until_main_sleeps(void) {
  char path[64], state[256] = "";
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)main_task);
  while (strstr(state, ") S") == NULL) {
    int file = open(path, O_RDONLY);
    CHECK(file >= 0 && read(file, state, sizeof state - 1) > 0 && close(file) == 0);
  }
}

static void wake_main(void *unused) { // by a signal, while main is lent to this thread
  (void)unused;
  while (!cexit_main_borrow()) sched_yield();
  wait_until_main_sleeps();
  CHECK(pthread_kill(other, SIGUSR1) == 0);
  while (!leaving) sched_yield();
  wait_until_main_sleeps();
  say("lent twice: %s\n", cexit_main_borrow() ? "yes" : "no");
  cexit_main_give_back();
}

static void *exit_with_three(void *unused) {
  (void)unused;
  cexit_exit(3);
}

static int woken(int count, char **arguments) { // <|fork>: the signal handler makes a child, which leaves the gate
  bool forks = count > 0 && strcmp(arguments[0], "fork") == 0;
  other = pthread_self();
  main_task = getpid();
  signal(SIGUSR1, forks ? fork_at_gate : note_signal);
  push(NULL, wake_main, NULL);
  start(exit_with_three, NULL);
  while (!cexit_is_exiting()) sched_yield();
  exit(4);
}

// ---- The last thread

static void say_status(int status, void *unused) {
  (void)unused;
  say("status %d\n", status);
}

static void *end_a_little_later(void *unused) {
  for (int i = 0; i < 100; i++) sched_yield();
  say("last thread\n");
  return unused;
}

static int last_thread(int count, char **arguments) { // with the threads of the library, which do not count
  CHECK(cexit_on_exit(say_status, NULL) == 0);
  if (count > 0 && strcmp(arguments[0], "signals") == 0) CHECK(cexit_exit_on_signals(NULL, 0) == 0);
  if (count > 0 && strcmp(arguments[0], "deadline") == 0) CHECK(cexit_set_deadline(1000000000) == 0);
  if (count > 0 && strcmp(arguments[0], "both") == 0) {
    CHECK(cexit_exit_on_signals(NULL, 0) == 0 && cexit_set_deadline(1000000000) == 0);
  }
  start(end_a_little_later, NULL);
  pthread_exit(NULL);
}

static void *ask_and_end(void *how) {
  CHECK(cexit_on_exit(say_status, NULL) == 0);
  if (strcmp(how, "signals") == 0) CHECK(cexit_exit_on_signals(NULL, 0) == 0);
  if (strcmp(how, "deadline") == 0) CHECK(cexit_set_deadline(1000000000) == 0);
  return end_a_little_later(NULL);
}

static int worker_asks(int count, char **arguments) { // <signals|deadline>: main calls nothing of the library
  CHECK(count == 1);
  start(ask_and_end, arguments[0]);
  pthread_exit(NULL);
}

static pthread_key_t key;

static void leave_in_destructor(void *status) {
  say("thread's destructor\n");
  exit((int)(intptr_t)status);
}

static void *set_and_end(void *unused) {
  CHECK(pthread_setspecific(key, (void *)6) == 0);
  return unused;
}

static int destructor(int count, char **arguments) { // <handler|>: in a handler's thread, too
  (void)count, (void)arguments;
  push_name(NULL, "oldest");
  CHECK(cexit_on_exit(say_status, NULL) == 0);
  CHECK(pthread_key_create(&key, leave_in_destructor) == 0);
  join(start(set_and_end, NULL));
  return 97;
}

static void end_thread(void *unused) {
  say("ends its thread\n");
  CHECK(pthread_setspecific(key, (void *)6) == 0);
  pthread_exit(unused);
}

static int destructor_in_exit(int count, char **arguments) { // of the very thread that exits
  (void)count, (void)arguments;
  push_name(NULL, "oldest");
  CHECK(pthread_key_create(&key, leave_in_destructor) == 0);
  push(NULL, end_thread, NULL);
  exit(3);
}

// ---- A child of a process with threads, without exec

static void *allocate(void *unused) {
  for (;;) free(malloc((size_t)rand() % 5000));
  return unused;
}

static int forked(int count, char **arguments) { // with every lock in some state or other
  int rounds = count > 0 ? atoi(arguments[0]) : 20;
  CHECK(cexit_exit_on_signals(NULL, 0) == 0 && cexit_set_deadline(1000000000) == 0);
  push_name(NULL, "parent's");
  for (int i = 0; i < 3; i++) start(allocate, NULL);
  for (int i = 0; i < rounds; i++) {
    pid_t child = fork();
    if (child == 0) {
      alarm(20);
      push_name(NULL, "child's");
      if (i % 2 == 0) exit(4);
      CHECK(cexit_exit_on_signals(NULL, 0) == 0);
      raise(SIGTERM);
      for (;;) pause();
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    if (i % 2 == 0) CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 4);
    else CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  }
  return 0;
}

FIXTURE({"together", together}, {"quick", quick}, {"quick ends", quick_ends}, {"joins", joins}, {"woken", woken}, {"last thread", last_thread}, {"worker asks", worker_asks},
        {"destructor", destructor}, {"destructor in exit", destructor_in_exit}, {"forked", forked})
