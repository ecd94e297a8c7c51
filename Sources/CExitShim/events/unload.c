// SPDX-License-Identifier: Apache-2.0
//
// Unloading a shared object. What the object registered has to run before dlclose unmaps its code. libc tells:
// __cxa_finalize runs, newest first, what was given to __cxa_atexit with that object's handle, so each object that
// registers gets a sweep there.

#include "events.h"

// Takes what the object owns out of `stack`, in the order in which it would run, what is nested included.
static void collect(cexit_stack *stack, uint32_t number, cexit_stack *leaving, uint32_t *tail) {
  static const unsigned order[LISTS] = {CExitPhaseEarly, CExitPhaseNormal, CExitPhaseLate, ASLEEP};
  for (unsigned i = 0; i < LISTS; i++) {
    uint32_t older;
    for (uint32_t index = stack->newest[order[i]]; index != NONE; index = older) {
      struct entry *entry = entry_at(index);
      older = entry->older;
      if (is_foreign(entry)) {
        if (entry->owner == number) cexit__entry_forget(index);
        continue;
      }
      if (entry->owner != number) {
        if (entry->kind == KIND_NESTED) collect(entry->context, number, leaving, tail);
        continue;
      }
      cexit__entry_unlink(entry);
      if (entry->phase == ASLEEP) { // not to run, and not to stay: it is cancelled with the stack it goes to
        cexit__entry_link(leaving, entry, index);
        continue;
      }
      entry->phase = CExitPhaseNormal;
      cexit__entry_link_oldest(leaving, entry, index, *tail);
      *tail = index;
    }
  }
}

// Moves all that the object owns to `leaving`. How many handlers that are.
static size_t gather(const void *object, uint32_t *number, cexit_stack *leaving) {
  uint32_t tail = NONE;
  size_t count = 0;
  if (enter() != 0) return 0;
  *number = cexit__owner_number(object);
  for (uint32_t i = 0; *number != 0 && i < cexit__stacks.fresh; i++) {
    cexit_stack *stack = stack_at(i);
    bool root = stack->references != 0 && !stack->leaves && cexit__pending_index((cexit_handler){stack->place}) == NONE;
    if (root) collect(stack, *number, leaving, &tail);
  }
  if (*number != 0) cexit__owner_watch(*number); // a registration from here on is told of
  count = leaving->count;
  lock_drop();
  return count;
}

// Runs what the object has. What its handlers register runs next, before what is older, as in every run.
static void run_all(const void *object, cexit_stack *leaving) {
  uint32_t number = 0;
  gather(object, &number, leaving);
  while (cexit__run_one(leaving)) {
    cexit_stack *newer;
    if (!cexit__owner_has_registered(number) || cexit__stack_new("unloading", &newer) != 0) continue;
    newer->leaves = true;
    run_all(object, newer);
    cexit__stack_destroy(newer);
  }
}

// libc calls this when the object is unloaded, and at exit: there the process stack runs what it holds, and the objects
// stay. A handler of the object may be at work on another thread; its code has to stay until that has returned.
__attribute__((noinline)) void cexit__sweep(void *object) {
  if (cexit__in_vfork_child() || !cexit__is_unloading_call(__builtin_return_address(0))) return;
  if (enter() != 0) return;
  uint32_t number = cexit__owner_number(object);
  cexit_stack *leaving = cexit__objects[number].leaving;
  lock_drop();
  if (number == 0) return;
  cexit__thread.unloads++;
  do run_all(object, leaving);
  while (cexit__wait_while_used(number));
  cexit__thread.unloads--;
  if (enter() != 0) return;
  cexit__owner_forget(number); // the address may come back with another object
  lock_drop();
  cexit__stack_destroy(leaving);
}

__attribute__((noinline)) void cexit__owner_slot(void *group, int status) {
  if (!cexit__is_unloading_call(__builtin_return_address(0))) cexit__process_slot(group, status);
}

bool cexit__is_unloading(void) {
  return cexit__thread.unloads != 0;
}
