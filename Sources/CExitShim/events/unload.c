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

void cexit__sweep(void *object) {
  if (cexit__in_vfork_child()) return;
  for (;;) {
    if (enter() != 0) return;
    uint32_t number = cexit__owner_number(object), tail = NONE;
    if (number == 0) {
      lock_drop();
      return;
    }
    cexit_stack *leaving = cexit__objects[number].leaving;
    for (uint32_t i = 0; i < cexit__stacks.fresh; i++) {
      cexit_stack *stack = stack_at(i);
      bool root =
          stack->references != 0 && stack != leaving && cexit__pending_index((cexit_handler){stack->place}) == NONE;
      if (root) collect(stack, number, leaving, &tail);
    }
    bool done = leaving->count == 0;
    if (done) cexit__owner_forget(number); // the address may come back with another object
    lock_drop();
    if (done) return cexit__stack_destroy(leaving);
    cexit__thread.unloads++;
    cexit__run_stack(leaving, 0, NULL, NULL);
    cexit__thread.unloads--;
  }
}

bool cexit__is_unloading(void) {
  return cexit__thread.unloads != 0;
}
