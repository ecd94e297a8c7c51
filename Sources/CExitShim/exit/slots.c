// SPDX-License-Identifier: Apache-2.0
//
// The real slots in libc's lists, and the way through them.
//
// exit() takes a slot off its list, then calls it. A handler that calls exit, or a second thread that does, goes on
// with what is left in that list: below our slot, in the middle of our run. So the slot first puts itself back, eight of
// them stand there from the start (as many threads may be between the taking and the putting back), and all pass one
// gate: the first thread owns the exit, and is the one to run handlers; it may come again, from a handler of its own;
// the others wait until the process has ended. Once somebody waits there is a second gate, where libc has nothing left
// to do but to end the process: for those who find the list empty, since the owner has gone through it.
//
// Each group of slots knows the epoch it was armed in, and runs the stack until nothing registered since is left.

#include "../events/events.h"

enum { FIRST_GROUP = 8, GROUP = 4 };

// libc's list of streams, locked while it ends. Part of glibc, declared by no header of it.
#pragma GCC visibility push(default)
extern void _IO_list_lock(void) __attribute__((weak));
extern void _IO_list_unlock(void) __attribute__((weak));
#pragma GCC visibility pop

static _Atomic uintptr_t owner; // the thread whose exit it is; 0
static _Atomic int status_now;
static _Atomic bool status_known;
static _Atomic int status_asked; // 0: none

static void process_slot(void *group, int status);
static void quick_slot(void);
#define PROCESS_SLOT ((void (*)(void *))(void (*)(void))process_slot) // glibc passes the status, too

void cexit__complain(const char *line) {
  int saved = errno;
  if (write(STDERR_FILENO, line, strlen(line)) < 0) errno = saved; // a closed stderr breaks nothing
}

// ---- Arming

static PER_THREAD bool taking_back;

static void *tag(uint32_t group) { // no object has its handle up there
  return (void *)((uintptr_t)-1 - group);
}

static bool arm(const struct slots *slots, uint32_t group, void *handle) {
  cexit__in_libc = true;
  int error = slots == &cexit__process.quick_slots ? at_quick_exit(quick_slot)
                                                   : __cxa_atexit(PROCESS_SLOT, (void *)(uintptr_t)group, handle);
  cexit__in_libc = false;
  return error == 0;
}

// A slot that was put into the list when `calls` was as given stands there still, if none was called since.
static void note_standing(struct slots *slots, uint32_t group, bool tagged, uint32_t calls) { // with the lock held
  if (cexit__process.epoch < group) cexit__process.epoch = group;
  if (slots->calls != calls) return;
  if (slots->group < group) slots->tagged = tagged;
  if (slots->group < group) slots->group = group;
  slots->stands = true;
}

static void note_called(struct slots *slots) { // with the lock held
  slots->calls++;
  slots->stands = false;
}

int cexit__slots_arm(struct slots *slots) {
  if (cexit__in_libc) return EDEADLK;
  int error = enter();
  if (error != 0) return error;
  uint32_t group = cexit__process.epoch + 1, most = slots->group == 0 ? FIRST_GROUP : GROUP, calls = slots->calls;
  bool tagged = slots == &cexit__process.process_slots && cexit__process.tags;
  void *handle = tagged ? tag(group) : &__dso_handle;
  lock_drop();

  if ((error = cexit__libc_enter()) != 0) return error;
  int saved = errno;
  uint32_t armed = 0;
  errno = 0;
  while (armed < most && arm(slots, group, handle)) armed++;
  cexit__libc_leave();
  bool no_memory = errno == ENOMEM;
  errno = saved;
  if (armed == 0) return no_memory ? ENOMEM : ECANCELED; // libc's list is closed: it has run for the last time

  if ((error = enter()) != 0) return error;
  note_standing(slots, group, tagged, calls);
  lock_drop();
  return 0;
}

int cexit__mark(void) {
  return cexit__slots_arm(&cexit__process.process_slots);
}

// A group that no entry needs any more is taken back before somebody else's handler comes to lie on it: libc's list gives
// memory back from its end only. libc does that by calling the slots, which do nothing then.
void cexit__mark_next(void) {
  struct slots *slots = &cexit__process.process_slots;
  if (cexit__in_libc || enter() != 0) return; // it is a slot that is being registered
  uint32_t group = slots->group;
  bool exiting = atomic_load(&owner) != 0;
  bool unneeded = slots->stands && slots->tagged && !exiting && cexit__stack_next(PROCESS, group) == NONE;
  bool first = !cexit__process.tags;
  cexit__process.tags = true;
  note_called(slots);
  if (exiting) cexit__process.yield = cexit__process.epoch + 1;
  lock_drop();
  if (first) cexit__pin(); // nothing takes such groups back when this code is unloaded
  if (!unneeded) return;
  taking_back = true;
  __cxa_finalize(tag(group));
  taking_back = false;
}

// ---- Status

bool cexit__exit_status(int *status) {
  if (!atomic_load(&status_known) || !is_here()) return false;
  if (status != NULL) *status = atomic_load(&status_now);
  return true;
}

static void set_status(int status) {
  atomic_store(&status_now, status);
  atomic_store(&status_known, true);
}

void cexit__request_status(int status) {
  atomic_store(&status_asked, status);
}

// ---- The gate

bool cexit__is_exiting(void) {
  return atomic_load(&owner) != 0 && is_here();
}

// Returns on the thread that may run handlers, and on no other. What the thread was running by hand is finished first:
// by the owner with the status that it brings, by others while they are still waited for.
static void enter_gate(const int *status) {
  uintptr_t self = this_thread();
  cexit__exit_called(status);
  cexit__watch_this_thread();
  for (bool left = false;; left = true) {
    uintptr_t seen = 0;
    bool ours = atomic_compare_exchange_strong(&owner, &seen, self) || seen == self;
    if (ours) cexit__watch_exit();
    if (ours && status != NULL) set_status(*status);
    if (!left) {
      cexit__thread_leaves_runs();
      if (!ours) cexit__last_act_prepare();
    } else if (!ours) {
      cexit__futex_wait(cexit__futex_half(&owner), (uint32_t)seen);
    }
    if (ours) return;
  }
}

void cexit__exit_thread_ended(void) { // a handler ended its thread: one of those who wait goes on with the rest
  uintptr_t self = this_thread();
  cexit__watch_thread_ended();
  if (atomic_compare_exchange_strong(&owner, &self, 0)) cexit__futex_wake(cexit__futex_half(&owner), INT32_MAX);
}

// A child made by a handler is not exiting. Another thread may have taken a slot off libc's list just before the fork.
void cexit__exit_forked(void) {
  note_called(&cexit__process.process_slots);
  note_called(&cexit__process.quick_slots);
  atomic_store(&owner, 0);
  atomic_store(&status_known, false);
  atomic_store(&status_asked, 0);
  cexit__watch_forked();
  cexit__signals_forked();
  cexit__helpers_forked();
}

// libc lets the last exit win: asking for another status is calling exit once more, when there is nothing left to lose.
static void grant_status(void) {
  int asked = atomic_load(&status_asked), now = 0;
  if (asked == 0 || (cexit__exit_status(&now) && now != 0)) return;
  atomic_store(&status_asked, 0);
  exit(asked);
}

// ---- The slots

// Between libc's taking of a slot and its coming back others may fall through to what is below: so that is first, with
// no lock of ours to wait for. The owner of the exit alone knows when nothing is left to come back for.
static void run_from_slot(struct slots *slots, cexit_stack *stack, uint32_t group, const int *status) {
  bool ours = atomic_load(&owner) == this_thread(), held = lock_is_held_here(), again = !ours && !held;
  if (again) arm(slots, group, &__dso_handle);
  if (held || enter() != 0) { // waiting for the lock would be for ever; the process ends without
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&said)) return;
    cexit__complain("ExitKit: exit called by a signal handler that interrupted a registration: handlers did not run\n");
    return;
  }
  note_called(slots);
  uint32_t calls = slots->calls;
  if (ours) {
    cexit__process.yield = 0;
    again = cexit__stack_next(stack, group) != NONE || cexit__thread_is_running();
  }
  lock_drop();
  if (ours && again && arm(slots, group, &__dso_handle) && enter() == 0) {
    note_standing(slots, group, false, calls);
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

static void process_slot(void *group, int status) {
  if (taking_back) return;
  bool known = libc_tells_status() || cexit__exit_status(&status); // the latter: as cexit__exit was told it
  run_from_slot(&cexit__process.process_slots, PROCESS, (uint32_t)(uintptr_t)group, known ? &status : NULL);
}

// Where no handler was registered, an exit must be seen all the same by a signal that comes in the middle of it: a slot
// that nothing was registered after.
int cexit__gate_prepare(void) {
  static _Atomic bool prepared;
  if (cexit__in_libc) return EDEADLK;
  int error = enter();
  if (error != 0) return error;
  lock_drop();
  void *group = (void *)(uintptr_t)UINT32_MAX;
  if (atomic_exchange(&prepared, true) || cexit__libc_add(PROCESS_SLOT, group, &__dso_handle)) return 0;
  atomic_store(&prepared, false);
  return ECANCELED;
}

static void quick_slot(void) {
  run_from_slot(&cexit__process.quick_slots, QUICK, 0, NULL);
}

// The second gate. No slot can be taken any more, so this is only for those who wait.
void cexit__exit_ends(void) {
  if (!cexit__is_exiting() || atomic_load(&owner) == this_thread() || _IO_list_unlock == NULL) return;
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
