// SPDX-License-Identifier: Apache-2.0
//
// Unloading a shared object. The object's handlers have to run before dlclose unmaps their code. libc tells of
// unloading: __cxa_finalize calls, newest first, the functions that were given to __cxa_atexit with the object's
// handle. So each object that registers gets a sweep in libc's list.

#include "events.h"

// Takes the object's entries out of `stack` and of stacks nested in `stack`, in the order in which they would run.
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
      if (entry->phase == ASLEEP) { // must neither run nor stay: the entry is cancelled together with `leaving`
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
  if (*number != 0) cexit__owner_watch(*number); // the next registration of the object is noted
  count = leaving->count;
  lock_drop();
  return count;
}

// Runs the object's handlers. An entry that such a handler registers runs next, before older entries, as in every run.
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

// libc calls this function when the object is unloaded, and at exit. At exit objects stay loaded, and the slots run the
// process stack. At unloading a handler of the object may be at work on another thread: its code stays until the
// handler has returned.
__attribute__((noinline)) void cexit__sweep(void *object) {
  if (cexit__in_vfork_child() || !cexit__is_unloading_call(__builtin_return_address(0))) return;
  if (enter() != 0) return;
  uint32_t number = cexit__owner_number(object);
  cexit_stack *leaving = cexit__objects[number].leaving;
  lock_drop();
  if (number == 0) return;
  int saved = cexit__run_begin(); // an exit waits from here on: the entries are on no stack that an exit runs
  cexit__thread.unloads++;
  do run_all(object, leaving);
  while (cexit__wait_while_used(number));
  cexit__thread.unloads--;
  cexit__run_end(saved);
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
