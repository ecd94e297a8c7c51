// SPDX-License-Identifier: Apache-2.0
//
// A thread that registers is held between the moment in which libc has its slot and the moment in which the library
// notes that. This program defines __cxa_atexit itself, and lets a chosen thread wait after a chosen call.

#include "fixture.h"


static _Atomic int step;
static _Thread_local int calls_until_held; // 0: this thread is not held
static _Thread_local int held_at, held_until;

static void reach(int number) {
  atomic_store(&step, number);
}

static void wait_for(int number) {
  while (atomic_load(&step) < number) sched_yield();
}

int __cxa_atexit(void (*function)(void *), void *argument, void *object) {
  static int (*libcs)(void (*)(void *), void *, void *);
  if (libcs == NULL) libcs = (int (*)(void (*)(void *), void *, void *))dlsym(RTLD_NEXT, "__cxa_atexit");
  int result = libcs(function, argument, object);
  if (calls_until_held != 0 && --calls_until_held == 0) {
    reach(held_at);
    wait_for(held_until);
  }
  return result;
}

static void hold_after(int calls, int at, int until) {
  calls_until_held = calls;
  held_at = at;
  held_until = until;
}

// ---- The exiting thread goes through the slots before they are noted.

enum { NEWER_RUNS = 1, SLOTS_ARE_IN, OLDER_RUNS, REGISTERED };

static void *registers_late(void *unused) {
  wait_for(NEWER_RUNS);
  hold_after(4, SLOTS_ARE_IN, OLDER_RUNS);
  say("late: %d\n", cexit_register(NULL, &(cexit_entry){.function = say_name, .context = "late"}, NULL));
  reach(REGISTERED);
  return unused;
}

static void first(void) {
  say("first\n");
}

static void newer(void) { // libc's, after the stack has run
  reach(NEWER_RUNS);
  wait_for(SLOTS_ARE_IN);
}

static void older(void) { // libc's, after the slots that were put in late
  reach(OLDER_RUNS);
  wait_for(REGISTERED);
}

static void oldest(void) {
  say("pending: %zu\n", cexit_stack_count(NULL));
}

static int called_before_noted(int count, char **arguments) {
  (void)count, (void)arguments;
  atexit(oldest);
  atexit(older);
  atexit(newer);
  cexit_atexit(first);
  start(registers_late, NULL);
  return 0;
}

// ---- libc closes the list when one slot of a group is in.

static ssize_t wait_in_flush(void *unused, const char *bytes, size_t size) { // libc's list is closed
  (void)unused, (void)bytes;
  if (step < OLDER_RUNS) reach(OLDER_RUNS); // musl writes twice
  wait_for(REGISTERED);
  return (ssize_t)size;
}

static void *registers_at_the_end(void *unused) {
  wait_for(NEWER_RUNS);
  hold_after(1, SLOTS_ARE_IN, OLDER_RUNS);
  int error = cexit_register(NULL, &(cexit_entry){.function = say_name, .context = "late"}, NULL);
  say("late: %s\n", error == ECANCELED ? "ECANCELED" : error == ENOMEM ? "ENOMEM" : "another result");
  reach(REGISTERED);
  return unused;
}

static int closed_in_between(int count, char **arguments) {
  (void)count, (void)arguments;
  FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = wait_in_flush});
  CHECK(stream != NULL && fputs("flushed at the end", stream) >= 0);
  atexit(newer);
  cexit_atexit(first);
  start(registers_at_the_end, NULL);
  return 0;
}

FIXTURE({"called-before-noted", called_before_noted}, {"closed-in-between", closed_in_between})
