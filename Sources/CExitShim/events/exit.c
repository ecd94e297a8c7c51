// SPDX-License-Identifier: Apache-2.0
//
// The recipe of an exit. A door runs the process stack while everything that handlers use is alive, then enters libc's
// exit. libc calls a slot in the middle of libc's exit: a slot runs the entries that are left or younger. All pass one
// gate (exit.h).
//
// libc takes a slot off libc's list, then calls the slot. So a slot first puts a new slot on the list: another thread that
// exits, or a handler that exits again, must not go past to older handlers. Without a lock: the thread may be anywhere.

#include "events.h"

// Handlers that exit again by plain exit stand on top of each other up to this depth; beyond, they return to the run.
enum { DEEPEST = 32 };

// ---- The run

// Other threads that register without end do not keep the process: after so many entries that were registered in the
// course of the exit, in long runs or in many, no more are accepted. Accepted entries run.
enum { MOST_LONG_RUNS = 16, MOST_RUNS = MOST_LONG_RUNS * LONG_RUN };
static uint32_t runs; // short ones, and a long one for each handler. With the lock held

static void count_runs(uint32_t more) {
  bool enough = runs < MOST_RUNS && runs + more >= MOST_RUNS;
  if (runs < MOST_RUNS) runs += more;
  if (enough) cexit__gate_close(&cexit__leaving, cexit__by_exit.slots);
}

void cexit__long_run(const cexit_stack *stack) {
  uint32_t next = cexit__stack_next(stack, 0);
  bool exits = stack->slots == cexit__by_exit.slots && cexit__gate_is_own(&cexit__leaving) && next != NONE;
  if (exits && entry_at(next)->epoch >= cexit__leaving.began) count_runs(LONG_RUN);
}

static void run(const struct way *way, uint32_t floor) {
  static atomic_flag said = ATOMIC_FLAG_INIT;
  if (cexit__run_stack(way->stack, floor, NULL, NULL) == 0 || way != &cexit__by_exit || enter() != 0) return;
  count_runs(1);
  bool closed = runs >= MOST_RUNS;
  lock_drop();
  if (closed && !atomic_flag_test_and_set(&said))
    cexit__say("a million handlers were registered while the process exits: no more are accepted");
}

struct part {
  const struct way *way;
  uint32_t floor;
};

// quick_exit is the way out where an exit hangs.
static bool waits_for_others(const struct way *way) {
  return way == &cexit__by_exit || atomic_load(&cexit__leaving.owner) == 0;
}

static void run_part(void *context) {
  const struct part *part = context;
  uintptr_t left_behind = atomic_exchange(&part->way->leaving->left_behind, 0);
  cexit__thread_leaves_runs();
  if (left_behind != 0) cexit__finish_runs_of(left_behind);
  YIELD_POINT("the exit is claimed");
  do run(part->way, part->floor);
  while (waits_for_others(part->way) && cexit__wait_for_others());
}

static void run_to_the_end(const struct way *way, uint32_t floor, bool notes_crashes) {
  struct part part = {way, floor};
  if (notes_crashes) cexit__crash_note_begin();
  for (enum return_kind how; (how = cexit__guarded(run_part, &part, way)) != CAME_BACK;) {
    if (how == THREAD_ENDED && way == &cexit__by_exit) cexit__inherit_status();
  }
  if (notes_crashes) cexit__crash_note_end();
  if (way == &cexit__by_exit && cexit__exit_signal(NULL) != 0) cexit__last_act_prepare(); // SIGPIPE came without notice
  trace(MOMENT_EXIT_ENDS, NULL);
}

// ---- Doors

// With `status` unless the exit has another: a child of fork that goes on in its parent's exit has none.
static CEXIT_NORETURN void enter_libc(int status) {
  cexit__exit_status(&status);
  bool inside = atomic_load(&cexit__leaving.inside) == this_thread();
  if (cexit__thread.in_libc)
    cexit__say("exit called by a signal handler that interrupted libc's atexit: handlers of libc did not run");
  if (cexit__thread.in_libc || (cexit__leaving.libc_is_taken && cexit__libc_locks_exit()) ||
      (inside && !cexit__libc_exits_again()))
    cexit__end(status);
  cexit__set_told(&status);
  cexit__let_go_of_stdin();
  YIELD_POINT("before libc's exit");
  cexit__gate_enter_libc(&cexit__leaving);
  YIELD_POINT("entering libc's exit");
  exit(status);
}

// A signal handler has interrupted this thread with the lock held, and does not return.
static COLD void take_lock_over(int status) {
  if (cexit__in_vfork_child()) _exit(status); // the change goes on in the parent
  cexit__repair();
  cexit__slots_note_called(&cexit__process.process_slots);
  cexit__slots_note_called(&cexit__process.quick_slots);
  lock_drop();
}

// On top of libc's list: a thread in libc's exit is to meet this library before the handlers of other code.
static void put_slots_on_top(void) {
  if (cexit__process.process_slots.group != 0) cexit__slots_arm(&cexit__process.process_slots);
}

void cexit__exit_called_at(const void *address) {
  if (cexit__thread.exit_caller == NULL) cexit__thread.exit_caller = address;
}

void cexit__exit(int status) {
  if (cexit__in_vfork_child()) _exit(status);
  // A plugin may bring this code, and another thread may unload the plugin during the exit: unloading would wait here for
  // the end of the exit, with a lock of the loader's that libc's exit needs.
  cexit__pin();
  cexit__thread.taking_back = false; // a signal handler may have interrupted that
  while (enter() != 0) take_lock_over(status);
  lock_drop();
  cexit__pass_gate(&cexit__by_exit, &status, false);
  if (cexit__guard_can_return(&cexit__by_exit, 0)) cexit__guard_return();
  if (!cexit__process.tags) { // else CExitOrder keeps one exact order with all of libc's handlers
    put_slots_on_top();
    bool names_handlers = cexit__stack_count(NULL) != 0 || cexit__others_run(); // else 30 system calls are saved
    run_to_the_end(&cexit__by_exit, 0, names_handlers);
  }
  cexit__grant_status();
  put_slots_on_top();
  enter_libc(status);
}

// A handler of libc's ended the exiter's thread. The exiter has libc's lock, so the exiter goes on, from the destructor of
// its thread data. The slots that are left do the rest.
void cexit__exit_thread_ended(void) {
  cexit__frames_withdraw_exiter();
  if (!is_here() || !cexit__gate_is_own(&cexit__leaving)) return;
  cexit__pass_gate(&cexit__by_exit, NULL, false);
  cexit__inherit_status();
  if (!cexit__libc_exits_again()) run_to_the_end(&cexit__by_exit, 0, true);
  enter_libc(EXIT_FAILURE);
}

// A child made by a handler is not exiting. Another thread may have taken a slot off libc's list just before the fork.
void cexit__exit_forked(void) {
  cexit__slots_note_called(&cexit__process.process_slots);
  cexit__slots_note_called(&cexit__process.quick_slots);
  runs = 0;
  cexit__gate_forked(&cexit__leaving);
  cexit__gate_forked(&cexit__leaving_quickly);
  cexit__main_forked();
  cexit__watch_forked();
  cexit__signals_forked();
  cexit__helpers_forked();
}

// ---- The slots

// libc ends the process with the status of the innermost exit(). A different status waits for the last act.
static void settle_status(const int *told) {
  int status;
  cexit__let_go_of_stdin();
  cexit__grant_status();
  cexit__set_told(told);
  if (!cexit__status_differs(&status) || cexit__last_act_prepare() == 0) return;
  if (cexit__libc_exits_again()) exit(status);
}

// The exiter alone knows when nothing is left to put a slot back for.
static void run_from_slot(const struct way *way, uint32_t group, const int *status, const void *return_address) {
  struct slots *slots = way->slots;
  YIELD_POINT("libc has taken a slot");
  bool ours = cexit__gate_is_own(way->leaving), again = !ours;
  if (again) cexit__slot_arm(slots, group, &__dso_handle);
  YIELD_POINT("the slot is back, its call not yet noted");
  while (enter() != 0) take_lock_over(status != NULL ? *status : 127);
  cexit__slots_note_called(slots);
  uint32_t calls = slots->calls;
  if (ours) {
    cexit__process.yield = 0;
    again = cexit__stack_next(way->stack, group) != NONE || cexit__thread_is_running();
  }
  lock_drop();
  if (ours && again && cexit__slots_arm_group(slots, group) && enter() == 0) {
    cexit__slots_note_standing(slots, group, false, calls);
    lock_drop();
  }
  if (cexit__in_vfork_child())
    _exit(status != NULL ? *status : 127); // the slot that libc took off the list is the parent's
  // Not before the slot is back: that takes a lock of the loader's, and other threads would skip past us.
  if (!cexit__is_pinned() && !cexit__is_unloading_call(return_address)) cexit__pin();

  cexit__pass_gate(way, status, true);
  if (cexit__guard_can_return(way, DEEPEST)) cexit__guard_return();
  run_to_the_end(way, group, again);
  YIELD_POINT("the stack has run");
  if (way == &cexit__by_exit) settle_status(status);
}

// Sanitizers wrap the functions in libc's list, and call ours without the status.
extern void __tsan_init(void) __attribute__((weak));
extern void __msan_init(void) __attribute__((weak));

static bool libc_tells_status(void) {
  return LIBC_TELLS_STATUS && __tsan_init == NULL && __msan_init == NULL;
}

// A libc that does not tell the status: known where this thread came by a door.
__attribute__((noinline)) void cexit__process_slot(void *group, int status) {
  if (cexit__thread.taking_back) return;
  bool known = libc_tells_status();
  if (!known && atomic_load(&cexit__leaving.inside) == this_thread() && atomic_load(&cexit__leaving.told_known)) {
    known = true;
    status = atomic_load(&cexit__leaving.told);
  }
  run_from_slot(&cexit__by_exit, (uint32_t)(uintptr_t)group, known ? &status : NULL, __builtin_return_address(0));
}

__attribute__((noinline)) void cexit__quick_slot(void) {
  run_from_slot(&cexit__by_quick_exit, 0, NULL, __builtin_return_address(0));
}

// ---- The end

static bool close_if_empty(void) {
  if (enter() != 0) return true;
  bool empty = cexit__stack_next(PROCESS, 0) == NONE;
  if (empty) cexit__gate_close(&cexit__leaving, &cexit__process.process_slots);
  lock_drop();
  return empty;
}

// libc's list has run. A thread that met no slot waits here for the exiter, and pending entries have their last chance.
void cexit__exit_ends(void) {
  if (atomic_load(&cexit__leaving.owner) == 0 || !is_here()) return;
  cexit__streams_unlock();
  int told = atomic_load(&cexit__leaving.told);
  bool known = atomic_load(&cexit__leaving.told_known) && cexit__gate_is_own(&cexit__leaving);
  trace(MOMENT_FOREIGN_ENDS, NULL);
  cexit__pass_gate(&cexit__by_exit, known ? &told : NULL, true);
  YIELD_POINT("the last act");
  while (!close_if_empty()) run_to_the_end(&cexit__by_exit, 0, true);
  cexit__grant_status();
  cexit__streams_lock();
}
