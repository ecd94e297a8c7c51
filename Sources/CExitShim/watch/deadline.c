// SPDX-License-Identifier: Apache-2.0
//
// Deadlines: a thread that sleeps until the exit has begun, then until it has taken too long, and ends the process. It
// is made when a deadline is asked for, so that it needs nothing when the time has come: no memory, no lock, no Swift.
//
// It names the handler by reading the frames of the thread that exits. They must not go away meanwhile: it first says
// that it is firing, then reads; that thread first takes a frame off, then looks whether it is firing, and if so stays.

#include "../events/events.h"

#include <linux/futex.h>
#include <sys/syscall.h>

_Atomic unsigned cexit__watched;

static _Atomic uint64_t deadline;                // nanoseconds; 0: none
static _Atomic uint64_t began;                   // when the exit did; 0: not yet
static _Atomic uint64_t soonest;                 // when the first limit of a handler at work is over; 0: none has one
static _Atomic(struct frame *_Atomic *) frames;  // of the thread that exits
static _Atomic(struct frame *_Atomic *) by_hand; // of one that runs handlers by hand, for which that may have to wait
static _Atomic uint32_t news;                    // grows when any of these change
static _Atomic uint32_t firing;
static _Atomic pid_t home; // whose thread it is

static void tell(void) {
  atomic_fetch_add(&news, 1);
  cexit__futex_wake(&news, 1);
}

// ---- The thread that watches

static uint64_t due(void) { // 0: nothing is
  uint64_t start = atomic_load(&began), length = atomic_load(&deadline), limit = atomic_load(&soonest);
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
  struct frame *_Atomic *thread = atomic_load(&frames), *_Atomic *other = atomic_load(&by_hand);
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
  atomic_exchange(&firing, 1);
  uint64_t end = due(), time = cexit__now();
  if (end != 0 && end <= time) {
    report(time);
    leave();
  }
  atomic_store(&firing, 0);
  cexit__futex_wake(&firing, INT32_MAX);
}

static CEXIT_NORETURN void *watch(void *unused) {
  (void)unused;
  for (;;) {
    uint32_t seen = atomic_load(&news);
    uint64_t end = due(), time = cexit__now();
    if (end != 0 && end <= time) {
      fire();
      continue;
    }
    uint64_t left = end - time;
    struct timespec most = {(time_t)(left / 1000000000), (long)(left % 1000000000)};
    syscall(SYS_futex, &news, FUTEX_WAIT_PRIVATE, seen, end != 0 ? &most : NULL, NULL, 0);
  }
}

// ---- The threads that run handlers

// Two exchanges of one word come one after the other: either this one sees that the other has been, or the other sees
// all that this thread did before.
void cexit__stay_if_firing(void) {
  if (SINGLE_THREADED) return; // nobody is there to fire, and the exchange costs more than the rest of a run
  while (atomic_fetch_add(&firing, 0) != 0) cexit__futex_wait(&firing, 1);
}

static void find_soonest(void) { // on the thread that exits
  uint64_t first = 0;
  for (const struct frame *handler = cexit__thread.running; handler != NULL; handler = handler->outer) {
    if (handler->limit != 0 && (first == 0 || handler->limit < first)) first = handler->limit;
  }
  if (first != atomic_load(&soonest)) atomic_store(&soonest, first);
}

static bool is_exiting_thread(void) {
  return atomic_load_explicit(&frames, memory_order_relaxed) == &cexit__thread.running;
}

void cexit__watch_exit(void) {
  if (is_exiting_thread()) return;
  uint64_t never = 0;
  atomic_compare_exchange_strong(&began, &never, cexit__now());
  atomic_store(&frames, &cexit__thread.running);
  tell();
}

void cexit__watch_thread_ended(void) {
  if (!is_exiting_thread()) return;
  atomic_store(&soonest, 0);
  atomic_store(&frames, NULL);
  cexit__stay_if_firing();
}

void cexit__watch_frames(void) {
  if (is_exiting_thread()) find_soonest();
  cexit__stay_if_firing();
}

void cexit__watch_by_hand(bool begins) {
  if (is_exiting_thread() || !is_watched(WATCHED_FOR_TIME)) return;
  struct frame *_Atomic *here = &cexit__thread.running;
  if (begins) {
    atomic_store(&by_hand, here);
  } else {
    atomic_compare_exchange_strong(&by_hand, &here, NULL);
    cexit__stay_if_firing();
  }
}

void cexit__watch_forked(void) {
  atomic_store(&began, 0);
  atomic_store(&soonest, 0);
  atomic_store(&frames, NULL);
  atomic_store(&by_hand, NULL);
  atomic_store(&firing, 0);
}

// ---- Asking for it

int cexit__watch(void) {
  int saved = errno;
  int error = enter(); // a child of this process is to be known as one
  if (error == 0) lock_drop();
  atomic_fetch_or(&cexit__watched, WATCHED_FOR_TIME);
  if (error == 0) error = cexit__helper_start(&home, watch, "exit deadline");
  errno = saved;
  return error;
}

int cexit__set_deadline(uint64_t nanoseconds) {
  if (nanoseconds > INT64_MAX) return EINVAL;
  int error = nanoseconds != 0 ? cexit__watch() : 0;
  if (error != 0) return error;
  atomic_store(&deadline, nanoseconds);
  tell();
  return 0;
}

uint64_t cexit__deadline(void) {
  return atomic_load(&home) == getpid() ? atomic_load(&deadline) : 0;
}

int cexit__limit(uint64_t nanoseconds) {
  struct frame *handler = cexit__thread.running;
  if (nanoseconds > INT64_MAX || handler == NULL) return EINVAL;
  int error = nanoseconds != 0 ? cexit__watch() : 0;
  if (error != 0) return error;
  uint64_t time = cexit__now();
  if (handler->started == 0) handler->started = time;
  handler->limited = time;
  handler->limit = nanoseconds != 0 ? time + nanoseconds : 0;
  if (!is_exiting_thread()) return 0;
  find_soonest();
  tell();
  return 0;
}
