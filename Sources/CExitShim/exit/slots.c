// SPDX-License-Identifier: Apache-2.0
//
// The real slots in libc's lists.
//
// exit() takes a slot off the list, then calls the slot. A handler or a second thread that calls exit goes on with the
// rest of the list: below our slot, in the middle of our run. So a slot first puts a new slot on the list. Eight stand in
// the list from the start, since as many threads may be between the taking and the putting back.
//
// Each group of slots has the epoch of the arming, and runs the stack until no younger entry is left.

#include "exit.h"

enum { FIRST_GROUP = 8, GROUP = 4 };

// ---- Arming

_Atomic uintptr_t cexit__libc_word; // held while a registration adds to libc's list

// libc's list has a lock that fork does not look after: held by another thread at the fork, it would be held in the child
// for ever. What comes to the list at exit does not wait here.
int cexit__libc_enter(void) {
  return cexit__thread.in_libc ? EDEADLK : word_take(&cexit__libc_word);
}

void cexit__libc_leave(void) {
  word_drop(&cexit__libc_word);
}

// This thread is in libc's exit, perhaps past the last handler. Then the last act runs the entries that are left.
static bool may_hang(void) {
  return cexit__libc_hangs_late() && atomic_load(&cexit__leaving.inside) == this_thread();
}

bool cexit__libc_add(void (*function)(void *), void *argument, void *object) {
  if (may_hang() || cexit__libc_enter() != 0) return false;
  cexit__thread.in_libc = true;
  bool added = __cxa_atexit(function, argument, object) == 0;
  cexit__thread.in_libc = false;
  cexit__libc_leave();
  return added;
}

static void *tag(uint32_t group) { // no object has a handle of that value
  return (void *)((uintptr_t)-1 - group);
}

bool cexit__slot_arm(const struct slots *slots, uint32_t group, void *handle) {
  cexit__thread.in_libc = true;
  int error = slots == &cexit__process.quick_slots ? at_quick_exit(cexit__hooks.quick_slot)
                                                   : __cxa_atexit(PROCESS_SLOT, (void *)(uintptr_t)group, handle);
  cexit__thread.in_libc = false;
  return error == 0;
}

// Two slots that were put into the list when `calls` was as given stand in the list still, if no slot was called since. Two, because
// libc may have taken one off that this library has not noted yet: the other one stops a second thread that exits.
void cexit__slots_note_standing(struct slots *slots, uint32_t group, bool tagged,
                                uint32_t calls) { // with the lock held
  if (cexit__process.epoch < group) cexit__process.epoch = group;
#ifdef CEXIT_FAULT_NOTED_LATE // the test of the schedules puts this fault back, to see that the schedules find the fault
  calls = slots->calls;
#endif
  if (slots->calls != calls) return;
  if (slots->group < group) slots->tagged = tagged;
  if (slots->group < group) slots->group = group;
  STEP();
  slots->stands = true;
}

bool cexit__slots_arm_group(const struct slots *slots, uint32_t group) {
  uint32_t armed = 0;
  while (armed < GROUP && cexit__slot_arm(slots, group, &__dso_handle)) armed++;
  return armed > 1;
}

void cexit__slots_note_called(struct slots *slots) { // with the lock held
  slots->calls++;
  slots->stands = false;
}

int cexit__slots_arm(struct slots *slots) {
  if (cexit__thread.in_libc) return EDEADLK;
  if (atomic_load(&cexit__leaving.closed)) return ECANCELED;
  int error = enter();
  if (error != 0) return error;
  uint32_t group = cexit__process.epoch + 1, most = slots->group == 0 ? FIRST_GROUP : GROUP, calls = slots->calls;
  bool tagged = slots == &cexit__process.process_slots && cexit__process.tags;
  void *handle = tagged ? tag(group) : &__dso_handle;
  lock_drop();

  YIELD_POINT("before slots are put into libc's list");
  if ((error = cexit__libc_enter()) != 0) return error;
  int saved = errno;
  uint32_t armed = slots == &cexit__process.process_slots && may_hang() ? most : 0;
  errno = 0;
  while (armed < most && cexit__slot_arm(slots, group, handle)) armed++;
  cexit__libc_leave();
  YIELD_POINT("slots are in libc's list, not yet noted");
  bool no_memory = errno == ENOMEM;
  errno = saved;
  if (armed < 2) return no_memory ? ENOMEM : ECANCELED; // ECANCELED: libc has closed its list, after the last handler

  if ((error = enter()) != 0) return error;
  cexit__slots_note_standing(slots, group, tagged, calls);
  lock_drop();
  return 0;
}

// Slots above the sweep of an object, for as long as it is loaded: at exit the stack runs while the sweep still stands in
// libc's list, so a handler may unload the object. Nothing relies on these slots, since unloading takes them away.
void cexit__slots_arm_above(const void *owner) {
  if (enter() != 0) return;
  uint32_t group = ++cexit__process.epoch;
  lock_drop();
  for (int i = 0; i < GROUP; i++) {
    if (!cexit__libc_add((void (*)(void *))(void (*)(void))cexit__hooks.owner_slot, (void *)(uintptr_t)group,
                         (void *)owner))
      return;
  }
}

int cexit__mark(void) {
  return cexit__slots_arm(&cexit__process.process_slots);
}

// libc frees only the tail of the list. So a group that no entry needs any more is removed while the group is the tail:
// libc removes slots by calling them, and they do nothing then.
void cexit__mark_next(void) {
  struct slots *slots = &cexit__process.process_slots;
  if (cexit__thread.in_libc || enter() != 0) return; // a slot is being registered
  uint32_t group = slots->group;
  bool exiting = atomic_load(&cexit__leaving.owner) != 0;
  bool unneeded = slots->stands && slots->tagged && !exiting && cexit__stack_next(PROCESS, group) == NONE;
  bool first = !cexit__process.tags;
  cexit__process.tags = true;
  cexit__slots_note_called(slots);
  if (exiting) cexit__process.yield = cexit__process.epoch + 1;
  lock_drop();
  if (first) cexit__pin(); // nothing takes such groups back when this code is unloaded
  if (!unneeded) return;
  cexit__thread.taking_back = true;
  __cxa_finalize(tag(group));
  cexit__thread.taking_back = false;
}

// Where no handler was registered, an exit must be seen all the same by a signal that comes in the middle of it: a slot
// that nothing was registered after.
int cexit__gate_prepare(void) {
  static _Atomic bool prepared;
  if (cexit__thread.in_libc) return EDEADLK;
  int error = enter();
  if (error != 0) return error;
  lock_drop();
  void *group = (void *)(uintptr_t)UINT32_MAX;
  if (atomic_exchange(&prepared, true) || cexit__libc_add(PROCESS_SLOT, group, &__dso_handle)) return 0;
  atomic_store(&prepared, false);
  return ECANCELED;
}
