// SPDX-License-Identifier: Apache-2.0
// Signal handlers that interrupt the library. A call in such a handler is refused or served, and never hangs. Some cases
// use the library's private functions, so that the interruption hits the middle of an operation every time.

#include "../../Sources/CExitShim/events/events.h"
#include "fixture.h"

#include <sys/time.h>

static atomic_int served, refused, other;

static void nothing(void *unused) {
  (void)unused;
}

static void register_and_cancel(int signal) {
  (void)signal;
  cexit_handler handler;
  cexit_entry entry = {.function = nothing};
  int error = cexit_register(NULL, &entry, &handler);
  if (error == 0) cexit_cancel(handler);
  atomic_fetch_add(error == 0 ? &served : error == EDEADLK ? &refused : &other, 1);
}

static void on_signal(int number, void (*function)(int)) {
  struct sigaction action = {.sa_handler = function, .sa_flags = SA_RESTART};
  CHECK(sigaction(number, &action, NULL) == 0);
}

static void every_50_microseconds(void (*function)(int)) {
  on_signal(SIGALRM, function);
  struct itimerval timer = {{0, 50}, {0, 50}};
  CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

static int load(int count, char **arguments) { // <signals to come>
  CHECK(count == 1);
  int wanted = atoi(arguments[0]);
  cexit_entry entry = {.function = nothing};
  every_50_microseconds(register_and_cancel);
  while (served + refused < wanted) {
    cexit_handler handlers[100];
    for (int i = 0; i < 100; i++) CHECK(cexit_register(NULL, &entry, &handlers[i]) == 0);
    for (int i = 0; i < 100; i++) CHECK(cexit_cancel(handlers[i]));
  }
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
  CHECK(other == 0 && served > 0 && cexit_stack_count(NULL) == 0);
  push_name(NULL, "handler");
  return 0;
}

static void with_lock(void (*in_signal_handler)(int)) {
  on_signal(SIGUSR1, in_signal_handler);
  CHECK(enter() == 0);
  raise(SIGUSR1);
  lock_drop();
}

static cexit_handler first;
static cexit_stack *stack;

static void use_everything(int signal) {
  (void)signal;
  int dummy;
  cexit_stack *made = NULL;
  cexit_entry entry = {.function = nothing};
  CHECK(cexit_register(NULL, &entry, NULL) == EDEADLK && cexit_register(stack, &entry, NULL) == EDEADLK);
  CHECK(cexit_stack_create(NULL, &made) == EDEADLK && cexit_stack_nest(NULL, NULL, &made) == EDEADLK && made == NULL);
  CHECK(cexit_mark() == EDEADLK && cexit_reserve(1) == EDEADLK && cexit_adopt() == EDEADLK);
  CHECK(!cexit_cancel(first) && !cexit_run(first) && !cexit_is_pending(first));
  CHECK(cexit_stack_count(NULL) == 0 && cexit_stack_run(NULL) == 0 && cexit_stack_clear(NULL) == 0);
  CHECK(cexit_stack_move(stack, NULL) == 0 && cexit_stack_cancel_named(NULL, "") == 0);
  CHECK(!cexit_is_exiting() && !cexit_exit_status(&dummy));
  cexit_stack_destroy(stack);
  say("EDEADLK\n");
}

static int held(int count, char **arguments) { // every call of the library, while the same thread holds the lock
  (void)count, (void)arguments;
  cexit_entry entry = {.function = say_name, .context = "handler"};
  CHECK(cexit_register(NULL, &entry, &first) == 0 && cexit_stack_create(NULL, &stack) == 0);
  push_name(stack, "stack");
  with_lock(use_everything);
  CHECK(cexit_is_pending(first) && cexit_stack_count(NULL) == 1 && cexit_stack_run(stack) == 1);
  return 0;
}

static void leave(int signal) {
  if (signal == SIGUSR1) exit(5);
  cexit_exit(6);
}

static int exit_held(int count, char **arguments) { // the exit takes the lock over, and runs the handler
  CHECK(count == 1);
  push_name(NULL, "handler");
  if (strcmp(arguments[0], "exit") == 0) with_lock(leave);
  on_signal(SIGUSR2, leave);
  CHECK(enter() == 0);
  raise(SIGUSR2);
  return 0;
}

static _Atomic int step;

static void *exits(void *unused) {
  (void)unused;
  exit(3);
}

static void wait_for_interruption(void *unused) {
  (void)unused;
  atomic_store(&step, 1);
  while (atomic_load(&step) < 2) sched_yield();
}

static void leave_while_another_does(int signal) {
  (void)signal;
  atomic_store(&step, 2);
  cexit_exit(6);
}

static int exit_held_by_second(int count, char **arguments) { // the second thread to exit holds the library's lock
  (void)count, (void)arguments;
  push_name(NULL, "older");
  push(NULL, wait_for_interruption, NULL);
  start(exits, NULL);
  while (atomic_load(&step) < 1) sched_yield();
  with_lock(leave_while_another_does);
  return 0;
}

// ---- A loop of registrations and cancellations, which a timer ends: at least `low` handlers run, at most `high`.

static volatile int low, high;
static int ran, last = 1000;
static bool by_door;

static void count(void *number) {
  CHECK((int)(intptr_t)number < last);
  last = (int)(intptr_t)number;
  ran++;
}

static void compare(void *unused) {
  (void)unused;
  _exit(low <= ran && ran <= high ? 0 : 1);
}

static void leave_loop(int signal) {
  (void)signal;
  by_door ? cexit_exit(2) : exit(2);
}

static CEXIT_NORETURN void register_without_end(int microseconds) {
  cexit_handler handlers[100];
  push(NULL, compare, NULL);
  on_signal(SIGALRM, leave_loop);
  CHECK(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, microseconds}}, NULL) == 0);
  for (;;) {
    for (int i = 0; i < 100; i++) {
      cexit_entry entry = {.function = count, .context = (void *)(intptr_t)i};
      high = i + 1;
      CHECK(cexit_register(NULL, &entry, &handlers[i]) == 0);
      low = i + 1;
    }
    for (int i = 99; i >= 0; i--) {
      low = i;
      CHECK(cexit_cancel(handlers[i]));
      high = i;
    }
  }
}

static int loop(int count, char **arguments) { // exit|cexit_exit <rounds>
  CHECK(count == 2);
  by_door = strcmp(arguments[0], "cexit_exit") == 0;
  int rounds = atoi(arguments[1]), lost = 0;
  for (int i = 0; i < rounds; i++) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) register_without_end(300 + 37 * (i % 20));
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    lost += status != 0;
  }
  lost == 0 ? say("complete\n") : say("lost: %d of %d\n", lost, rounds);
  return 0;
}

// ---- libc's lock: this program replaces __cxa_atexit, and raises the signal where libc would hold its lock.

static bool interrupts, in_libc;

int __cxa_atexit(void (*function)(void *), void *argument, void *object) {
  static int (*real)(void (*)(void *), void *, void *);
  if (real == NULL) real = (int (*)(void (*)(void *), void *, void *))dlsym(RTLD_NEXT, "__cxa_atexit");
  if (in_libc) {
    say("hangs in libc\n");
    _exit(1);
  }
  in_libc = true;
  if (interrupts) raise(SIGUSR1);
  in_libc = false;
  return real(function, argument, object);
}

static void leave_by_door(int signal) {
  (void)signal;
  cexit_exit(6);
}

static int exit_libc(int count, char **arguments) { // the handler runs; libc's exit, which would hang, is not entered
  (void)count, (void)arguments;
  push_name(NULL, "handler");
  on_signal(SIGUSR1, leave_by_door);
  interrupts = true;
  cexit_mark();
  return 0;
}

static void register_or_not(int signal) {
  static int said;
  register_and_cancel(signal);
  if (refused > said) say("EDEADLK\n");
  said = refused;
  CHECK(cexit_mark() == EDEADLK);
}

static int libc_held(int count, char **arguments) {
  (void)count, (void)arguments;
  on_signal(SIGUSR1, register_or_not);
  interrupts = true;
  push_name(NULL, "handler");
  CHECK(other == 0 && refused > 0);
  CHECK(cexit_mark() == 0);
  CHECK(other == 0 && served > 0); // the process stack has its slots now, so a registration does not call libc
  return 0;
}

FIXTURE({"load", load}, {"held", held}, {"exit-held", exit_held}, {"exit-held-second", exit_held_by_second},
        {"loop", loop}, {"libc", libc_held}, {"exit-libc", exit_libc})
