// SPDX-License-Identifier: Apache-2.0
//
// The way through the slots: all pass one gate. The first thread owns the exit, and is the one to run handlers; it may
// come again, from a handler of its own; the others wait until the process has ended. Once somebody waits there is a
// second gate, where libc has nothing left to do but to end the process: for those who find the list empty, since the
// owner has gone through it.

#include "events.h"

// libc's list of streams, locked while it ends. Part of glibc, declared by no header of it.
#pragma GCC visibility push(default)
extern void _IO_list_lock(void) __attribute__((weak));
extern void _IO_list_unlock(void) __attribute__((weak));
#pragma GCC visibility pop

void cexit__complain(const char *line) {
  int saved = errno;
  if (write(STDERR_FILENO, line, strlen(line)) < 0) errno = saved; // a closed stderr breaks nothing
}

// ---- The gate

// Returns on the thread that may run handlers, and on no other. What the thread was running by hand is finished first:
// by the owner with the status that it brings, by others while they are still waited for.
static void enter_gate(const int *status) {
  uintptr_t self = this_thread();
  cexit__exit_called(status);
  cexit__watch_this_thread();
  for (bool left = false;; left = true) {
    uintptr_t seen = 0;
    bool ours = atomic_compare_exchange_strong(&cexit__leaving.owner, &seen, self) || seen == self;
    if (ours) cexit__watch_exit();
    if (ours && status != NULL) cexit__set_status(*status);
    if (!left) {
      cexit__thread_leaves_runs();
      if (!ours) cexit__last_act_prepare();
    } else if (!ours) {
      cexit__futex_wait(cexit__futex_half(&cexit__leaving.owner), (uint32_t)seen);
    }
    if (ours) return;
  }
}

void cexit__exit_thread_ended(void) { // a handler ended its thread: one of those who wait goes on with the rest
  uintptr_t self = this_thread();
  cexit__frames_withdraw_exiter();
  if (atomic_compare_exchange_strong(&cexit__leaving.owner, &self, 0))
    cexit__futex_wake(cexit__futex_half(&cexit__leaving.owner), INT32_MAX);
}

// A child made by a handler is not exiting. Another thread may have taken a slot off libc's list just before the fork.
void cexit__exit_forked(void) {
  cexit__slots_note_called(&cexit__process.process_slots);
  cexit__slots_note_called(&cexit__process.quick_slots);
  atomic_store(&cexit__leaving.owner, 0);
  atomic_store(&cexit__leaving.status_known, false);
  atomic_store(&cexit__leaving.requested_status, 0);
  cexit__watch_forked();
  cexit__signals_forked();
  cexit__helpers_forked();
}

// libc lets the last exit win: asking for another status is calling exit once more, when there is nothing left to lose.
static void grant_status(void) {
  int asked = atomic_load(&cexit__leaving.requested_status), now = 0;
  if (asked == 0 || (cexit__exit_status(&now) && now != 0)) return;
  atomic_store(&cexit__leaving.requested_status, 0);
  exit(asked);
}

// ---- The slots

// Between libc's taking of a slot and its coming back others may fall through to what is below: so that is first, with
// no lock of ours to wait for. The owner of the exit alone knows when nothing is left to come back for.
static void run_from_slot(struct slots *slots, cexit_stack *stack, uint32_t group, const int *status) {
  bool ours = atomic_load(&cexit__leaving.owner) == this_thread(), held = lock_is_held_here(), again = !ours && !held;
  if (again) cexit__slot_arm(slots, group, &__dso_handle);
  if (held || enter() != 0) { // waiting for the lock would be for ever; the process ends without
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&said)) return;
    cexit__complain("ExitKit: exit called by a signal handler that interrupted a registration: handlers did not run\n");
    return;
  }
  cexit__slots_note_called(slots);
  uint32_t calls = slots->calls;
  if (ours) {
    cexit__process.yield = 0;
    again = cexit__stack_next(stack, group) != NONE || cexit__thread_is_running();
  }
  lock_drop();
  if (ours && again && cexit__slot_arm(slots, group, &__dso_handle) && enter() == 0) {
    cexit__slots_note_standing(slots, group, false, calls);
    lock_drop();
  }
  if (cexit__in_vfork_child())
    _exit(status != NULL ? *status : 127); // what it took back from libc's list is its parent's

  enter_gate(status);
  if (again) cexit__crash_note_begin();
  do cexit__run_stack(stack, group, NULL, NULL);
  while (cexit__wait_for_others());
  if (again) cexit__crash_note_end();
  if (status != NULL && cexit__stack_count(stack) == 0) grant_status();
}

// Sanitizers that put a function of theirs into libc's list, which calls ours with nothing but its argument.
extern void __tsan_init(void) __attribute__((weak));
extern void __msan_init(void) __attribute__((weak));

static bool libc_tells_status(void) {
#ifdef __GLIBC__
  return __tsan_init == NULL && __msan_init == NULL;
#else
  return false;
#endif
}

void cexit__process_slot(void *group, int status) {
  if (cexit__thread.taking_back) return;
  bool known = libc_tells_status() || cexit__exit_status(&status); // the latter: as cexit__exit was told it
  run_from_slot(&cexit__process.process_slots, PROCESS, (uint32_t)(uintptr_t)group, known ? &status : NULL);
}

void cexit__quick_slot(void) {
  run_from_slot(&cexit__process.quick_slots, QUICK, 0, NULL);
}

// The second gate. No slot can be taken any more, so this is only for those who wait.
void cexit__exit_ends(void) {
  if (!cexit__is_exiting() || atomic_load(&cexit__leaving.owner) == this_thread() || _IO_list_unlock == NULL) return;
  _IO_list_unlock();
  run_from_slot(&cexit__process.process_slots, PROCESS, 0, NULL);
  _IO_list_lock();
}

void cexit__exit(int status) {
  if (cexit__in_vfork_child()) _exit(status);
  if (enter() == 0) { // else nobody may wait for this thread, which holds the lock: the slot will say so
    lock_drop();
    enter_gate(&status);
  }
  exit(status);
}
