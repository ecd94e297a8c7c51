// SPDX-License-Identifier: Apache-2.0
//
// Deadlines: a thread that sleeps until the exit has begun, then until the exit has taken too long, and ends the process.
// The thread is made when a deadline or signals are asked for, and needs nothing when the time has come: no memory, no lock,
// no Swift. The thread freezes the frames of the exiter, then reads in them which handler is at work. Without a deadline the
// thread says once what the exit waits for.
//
// Time in which the process stands still (Ctrl-Z, a debugger) does not count. While a time runs the thread sleeps in
// slices: in a slice that took far longer than asked for, no thread ran.

#include "watch.h"

_Atomic uint64_t cexit__deadline_length;

static _Atomic uint64_t began;           // when the exit did, by cexit__awake; 0: not yet
static _Atomic int timeout_status = 124; // in place of 0, as timeout(1) has it
static _Atomic bool has_said;            // the line about an exit that waits, without a deadline
static _Atomic uint32_t home;            // the number of the process whose thread that is

// ---- The thread that watches

static uint64_t due(void) { // 0: nothing is
  uint64_t start = atomic_load(&began), length = atomic_load(&cexit__deadline_length),
           limit = atomic_load(&cexit__frames.soonest);
  uint64_t end = start != 0 && length != 0 ? start + length : 0;
  return limit != 0 && (end == 0 || limit < end) ? limit : end;
}

static CEXIT_NORETURN void leave(void) {
  int number = cexit__exit_signal(NULL), status = EXIT_FAILURE;
  if (number != 0) cexit__die_of(number);
  cexit__exit_status(&status); // quick_exit does not tell the status
  _exit((status & 255) != 0 ? status : atomic_load(&timeout_status));
}

static void note_left(struct note *note) { // how many handlers do not run, and which would have been next
  bool quick = atomic_load(&cexit__leaving.owner) == 0 && atomic_load(&cexit__leaving_quickly.owner) != 0;
  struct walk walk = {.root = quick ? QUICK : PROCESS};
  struct note next;
  uint64_t count = 0;
  next.length = 0;
  while (cexit__walk_next(&walk)) {
    const cexit_pending *seen = &walk.seen;
    if ((seen->flags & (CEXIT_IS_NESTED | CEXIT_IS_ASLEEP | CEXIT_IS_PARENTS)) != 0 || count++ != 0) continue;
    cexit__note_subject(&next, seen->name, walk.function, seen->file, seen->line);
    if (next.length == 0) cexit__note(&next, " a %s", cexit__kinds[walk.kind].noun);
  }
  if (count == 0) return;
  cexit__note(note, count == 1 ? "; %u handler did not run:%s" : "; %u handlers did not run, first of them%s", count,
              next.text);
}

static const struct frame *note_running(struct note *note) { // the handler that the exit waits for; NULL: not known
  struct frame *_Atomic *thread = atomic_load(&cexit__frames.exiter);
  struct frame *_Atomic *other = atomic_load(&cexit__frames.manual);
  const struct frame *handler = thread != NULL ? atomic_load(thread) : NULL;
  if (handler == NULL && other != NULL && cexit__others_run()) handler = atomic_load(other);
  if (handler == NULL)
    cexit__note(note, cexit__others_run() ? "a handler that another thread runs" : "what libc runs at exit");
  else
    cexit__note_handler(note, handler->entry);
  return handler;
}

static void report(uint64_t time) {
  struct note note;
  cexit__note_begin(&note);
  const struct frame *handler = note_running(&note);
  cexit__note(&note, " is stuck");
  if (handler != NULL && handler->started != 0) cexit__note_seconds(&note, " after", time - handler->started);
  const struct frame *over = handler;
  while (over != NULL && (over->limit == 0 || over->limit > time)) over = over->outer;
  if (over != NULL) {
    cexit__note_seconds(&note, ": its limit is", over->limit - over->limited);
  } else {
    cexit__note_seconds(&note, ": the deadline of", atomic_load(&cexit__deadline_length));
    cexit__note(&note, " has passed");
  }
  note_left(&note);
  cexit__note_write(&note);
}

static void fire(uint64_t time) { // returns if there is no cause any more
  cexit__frames_freeze();
  uint64_t end = due();
  if (end != 0 && end <= time) {
    report(time);
    trace(MOMENT_EXIT_ENDS, "deadline");
    leave();
  }
  cexit__frames_thaw();
}

static bool may_say_wait(void) {
  return atomic_load(&began) != 0 && atomic_load(&cexit__deadline_length) == 0 && !atomic_load(&has_said);
}

// Once an exit, and not where a deadline will speak. An exit whose handlers end, one after the other, is at work and gets
// no line. A thread may read the frames of another thread only if all threads look for readers, and have done so for a while.
// Returns when the handler began that the exit waits for; 0: not known.
static uint64_t say_wait(bool is_long) {
  struct note note;
  cexit__note_begin(&note);
  cexit__note(&note, "still waiting for ");
  cexit__frames_freeze();
  const struct frame *handler = note_running(&note);
  uint64_t start = handler != NULL ? atomic_load(&handler->started) : 0;
  if (start != 0) is_long = cexit__awake() - start >= LONG_WAIT;
  cexit__frames_thaw();
  cexit__note(&note, "; a deadline ends such an exit");
  if (is_long && !atomic_exchange(&has_said, true)) cexit__note_write(&note);
  return start;
}

void cexit__long_wait(void) {
  if (may_say_wait() && (cexit__frames_are_the_exiters() || is_observed(OBSERVED_FOR_TIME))) say_wait(true);
}

// On this file's thread, which waits for nothing itself: where no handler is at work, looks have to find none for as long.
static void look_at_wait(void) {
  static uint64_t since; // 0: the newest look found a handler
  bool leaves = atomic_load(&cexit__leaving.owner) != 0 || atomic_load(&cexit__leaving_quickly.owner) != 0;
  if (!leaves || say_wait(since != 0 && cexit__awake() - since >= LONG_WAIT) != 0)
    since = 0;
  else if (since == 0)
    since = cexit__awake();
}

enum { SLICE = 50000000, FAR = 100000000, LOOK = 250000000 }; // nanoseconds

// Each round looks once at the clock. Where the time is far later than this thread meant to look, the process stood still.
static CEXIT_NORETURN void *watch(void *unused) {
  (void)unused;
  for (uint64_t last = atomic_load(&cexit__frames.told), slice = 0, looked = 0;;) {
    uint32_t seen = atomic_load(&cexit__frames.news);
    uint64_t now = cexit__now();
    if (last != 0 && now > last + slice + FAR) atomic_fetch_add(&cexit__frames.stopped, now - last - slice);
    uint64_t end = due(), time = now - atomic_load(&cexit__frames.stopped);
    last = now;
    slice = 0;
    if (end == 0 && may_say_wait()) {
      if (now - looked >= LOOK) { // each handler with a limit wakes this thread
        look_at_wait();
        looked = now;
      }
      cexit__futex_wait_for(&cexit__frames.news, seen, slice = LOOK);
    } else if (end == 0) {
      cexit__futex_wait(&cexit__frames.news, seen);
      last = atomic_load(&cexit__frames.told);
    } else if (end <= time) {
      fire(time);
    } else {
      slice = end - time < SLICE ? end - time : SLICE;
      cexit__futex_wait_for(&cexit__frames.news, seen, slice);
    }
  }
}

// ---- The exit

void cexit__watch_exit(void) {
  if (cexit__frames_are_the_exiters()) return;
  uint64_t never = 0;
  atomic_compare_exchange_strong(&began, &never, cexit__awake());
  cexit__frames_publish_exiter();
}

void cexit__watch_forked(void) { // a child has no deadline until the child sets a deadline
  atomic_store(&cexit__deadline_length, 0);
  atomic_store(&began, 0);
  atomic_store(&has_said, false);
  cexit__frames_forked();
  cexit__trace_forked();
}

// ---- Asking for it

int cexit__prepare_limits(void) {
  // Called for each handler with a limit: once all is there, no lock and no call of the system.
  if (is_observed(OBSERVED_FOR_TIME) && cexit__process_has_number(atomic_load(&home))) return 0;
  int saved = errno;
  int error = enter(); // a child of this process is to be known as a child
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
  atomic_store(&cexit__deadline_length, nanoseconds);
  cexit__frames_tell();
  return 0;
}

uint64_t cexit__deadline(void) {
  return atomic_load(&home) == cexit__process_number() ? atomic_load(&cexit__deadline_length) : 0;
}

int cexit__set_timeout_status(int status) {
  if (status < 0 || status > 255) return EINVAL;
  atomic_store(&timeout_status, status);
  return 0;
}

int cexit__timeout_status(void) {
  return atomic_load(&timeout_status);
}

int cexit__limit(uint64_t nanoseconds) {
  if (nanoseconds > INT64_MAX || cexit__thread.running == NULL) return EINVAL;
  int error = nanoseconds != 0 ? cexit__prepare_limits() : 0;
  if (error != 0) return error;
  cexit__frames_set_limit(nanoseconds);
  return 0;
}
