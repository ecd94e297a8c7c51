// SPDX-License-Identifier: Apache-2.0
//
// The way through the gate (exit.h): a thread becomes the exiter, or sleeps until the exit of another thread is over.

#include "events.h"

const struct way cexit__by_exit = {&cexit__leaving, &cexit__process.process_slots, PROCESS},
                 cexit__by_quick_exit = {&cexit__leaving_quickly, &cexit__process.quick_slots, QUICK};

enum { LOOKS_EVERY = 250000000 }; // nanoseconds: how often a thread that waits looks at the exiter

// The status is stored before the deadline's thread is told.
static void begin(const struct way *way, enum claim claim, const int *status, bool at_slot) {
  if (way == &cexit__by_exit) {
    int before = atomic_load(&cexit__leaving.told);
    bool told = at_slot && atomic_load(&cexit__leaving.told_known);
    // Each slot is told the same status again. An exit that was taken over keeps the status of the former exiter.
    if (status != NULL && claim == CLAIMED && !(told && before == *status)) cexit__set_status(*status);
    if (at_slot) cexit__set_told(status);
  }
  int number = cexit__exit_signal(NULL);
  if (way->leaving->began == 0) cexit__signals_begin();
  if (way->leaving->began == 0 && way == &cexit__by_exit && number != 0) cexit__set_status(128 + number);
  cexit__watch_exit();
  trace(MOMENT_EXIT_BEGINS, way == &cexit__by_quick_exit ? "quick_exit" : at_slot ? "exit" : "cexit_exit");
  if (way->leaving->began != 0 || enter() != 0) return;
  way->leaving->began = ++cexit__process.epoch;
  lock_drop();
}

static void pass(const struct way *way, enum claim claim, const int *status, bool at_slot, bool main) {
  if (main) cexit__main_leads();
  if (main) cexit__exit_called(status);
  begin(way, claim, status, at_slot);
}

// Returns on the exiter alone. Another thread first finishes the handlers that the thread was running by hand, since the
// exiter waits for those; then the thread sleeps. The exiter finishes such handlers under the guard.
void cexit__pass_gate(const struct way *way, const int *status, bool at_slot) {
  cexit__trace_let_go();
  cexit__exit_called(status);
  cexit__watch_this_thread();
  bool main = cexit__main_is_here();
  uint64_t since = 0; // the wait began; 0: this thread has not waited
  for (bool left = false;; left = true) {
    uintptr_t seen;
    YIELD_POINT("before the gate");
    enum claim claim = cexit__gate_claim(way->leaving, at_slot, &seen);
    if (since != 0 && claim != NOT_CLAIMED) trace(MOMENT_WAIT_ENDS, "another thread");
    if (claim != NOT_CLAIMED) return pass(way, claim, status, at_slot, main);
    if (way == &cexit__by_exit && status != NULL) cexit__leave_status(*status);
    if (left) {
      if (since == 0) {
        trace(MOMENT_WAIT_BEGINS, "another thread");
        atomic_fetch_or(&cexit__observed, OBSERVED_FOR_TIME); // later this thread may read the exiter's frames
        since = cexit__now();
      }
      if (main) cexit__main_stands();
      if (main) cexit__exit_called(status); // a thread that waits for the main actor waits no longer
      cexit__thread.at_gate = true;
      cexit__futex_wait_for(cexit__futex_half(&way->leaving->owner), (uint32_t)seen, LOOKS_EVERY);
      cexit__thread.at_gate = false;
      if (main) cexit__main_goes_on();
      cexit__has_waited(since);
      if (cexit__gate_take_over(way->leaving, at_slot, seen)) return pass(way, TAKEN_OVER, status, at_slot, main);
    } else {
      cexit__thread_leaves_runs();
      cexit__last_act_prepare();
    }
  }
}
