// SPDX-License-Identifier: Apache-2.0
//
// Deadlines: a thread that sleeps until the exit has begun, then until it has taken too long, and ends the process. It
// is made when a deadline is asked for, so that it needs nothing when the time has come: no memory, no lock, no Swift.
//
// It names the handler by reading the frames of the exiter, which it freezes first.

#include "watch.h"

static _Atomic uint64_t deadline; // nanoseconds; 0: none
static _Atomic uint64_t began;    // when the exit did; 0: not yet
static _Atomic uint32_t home;     // the number of the process whose thread that is

// ---- The thread that watches

static uint64_t due(void) { // 0: nothing is
  uint64_t start = atomic_load(&began), length = atomic_load(&deadline), limit = atomic_load(&cexit__frames.soonest);
  uint64_t end = start != 0 && length != 0 ? start + length : 0;
  return limit != 0 && (end == 0 || limit < end) ? limit : end;
}

static CEXIT_NORETURN void leave(void) {
  int number = cexit__exit_signal(NULL), status = EXIT_FAILURE;
  if (number != 0) cexit__die_of(number);
  cexit__exit_status(&status); // quick_exit does not tell it
  _exit(status);
}

static void report(uint64_t time) {
  struct frame *_Atomic *thread = atomic_load(&cexit__frames.exiter);
  struct frame *_Atomic *other = atomic_load(&cexit__frames.manual);
  const struct frame *handler = thread != NULL ? atomic_load(thread) : NULL;
  if (handler == NULL && other != NULL && cexit__others_run()) handler = atomic_load(other);
  struct note note = {0};
  cexit__note_text(&note, "ExitKit: ");
  if (handler == NULL) {
    cexit__note_text(&note, cexit__others_run() ? "a handler that another thread runs" : "what libc runs at exit");
  } else {
    cexit__note_handler(&note, handler->entry);
  }
  cexit__note_text(&note, " is stuck");
  if (handler != NULL && handler->started != 0) {
    cexit__note_text(&note, " after ");
    cexit__note_seconds(&note, time - handler->started);
  }
  const struct frame *over = handler;
  while (over != NULL && (over->limit == 0 || over->limit > time)) over = over->outer;
  if (over != NULL) {
    cexit__note_text(&note, ": its limit is ");
    cexit__note_seconds(&note, over->limit - over->limited);
  } else {
    cexit__note_text(&note, ": the deadline of ");
    cexit__note_seconds(&note, atomic_load(&deadline));
    cexit__note_text(&note, " has passed");
  }
  cexit__note_write(&note);
}

static void fire(void) { // returns if there is no cause any more
  cexit__frames_freeze();
  uint64_t end = due(), time = cexit__now();
  if (end != 0 && end <= time) {
    report(time);
    trace(MOMENT_EXIT_ENDS, "deadline");
    leave();
  }
  cexit__frames_thaw();
}

static CEXIT_NORETURN void *watch(void *unused) {
  (void)unused;
  for (;;) {
    uint32_t seen = atomic_load(&cexit__frames.news);
    uint64_t end = due(), time = cexit__now();
    if (end != 0 && end <= time) {
      fire();
      continue;
    }
    if (end == 0)
      cexit__futex_wait(&cexit__frames.news, seen);
    else
      cexit__futex_wait_for(&cexit__frames.news, seen, end - time);
  }
}

// ---- The exit

void cexit__watch_exit(void) {
  if (cexit__frames_are_the_exiters()) return;
  uint64_t never = 0;
  atomic_compare_exchange_strong(&began, &never, cexit__now());
  cexit__frames_publish_exiter();
}

void cexit__watch_forked(void) { // a child has no deadline until it sets one
  atomic_store(&deadline, 0);
  atomic_store(&began, 0);
  cexit__frames_forked();
  cexit__trace_forked();
}

// ---- Asking for it

int cexit__prepare_limits(void) {
  int saved = errno;
  int error = enter(); // a child of this process is to be known as one
  if (error == 0) lock_drop();
  atomic_fetch_or(&cexit__observed, OBSERVED_FOR_TIME);
  if (error == 0) error = cexit__helper_start(&home, watch, "exit deadline");
  errno = saved;
  return error;
}

int cexit__set_deadline(uint64_t nanoseconds) {
  if (nanoseconds > INT64_MAX) return EINVAL;
  int error = nanoseconds != 0 ? cexit__prepare_limits() : 0;
  if (error != 0) return error;
  atomic_store(&deadline, nanoseconds);
  cexit__frames_tell();
  return 0;
}

uint64_t cexit__deadline(void) {
  return atomic_load(&home) == cexit__process_number() ? atomic_load(&deadline) : 0;
}

int cexit__limit(uint64_t nanoseconds) {
  if (nanoseconds > INT64_MAX || cexit__thread.running == NULL) return EINVAL;
  int error = nanoseconds != 0 ? cexit__prepare_limits() : 0;
  if (error != 0) return error;
  cexit__frames_set_limit(nanoseconds);
  return 0;
}
