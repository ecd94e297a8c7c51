// SPDX-License-Identifier: Apache-2.0
//
// Changes of place in the order: a nested stack is placed on its parent, entries move to another stack, and an entry
// falls asleep or wakes up. Each needs a stack that can be registered on, as a registration does.

#include "exit.h"

// ---- Nesting

static void nested_released(void *stack) {
  cexit__stack_unreference(stack);
}

int cexit__stack_place(cexit_stack *stack) {
  int error = enter();
  if (error != 0) return error;
  cexit_stack *parent = parent_of(stack);
  cexit_entry entry = {.function = cexit__run_nested,
                       .context = stack,
                       .release = nested_released,
                       .flags = KIND_FLAG(KIND_NESTED) | (stack->inherited != 0 ? CEXIT_INHERITED : 0),
                       .name = stack->name};
  const void *owner = stack->owner;
  if (parent != NULL) {
    stack->references++;
    parent->references++; // another thread may be destroying the parent
  }
  lock_drop();
  if (parent == NULL) return 0; // the parent was destroyed: the stack is standalone now

  cexit_handler place;
  error = cexit__entry_push(parent, &entry, owner, &place);
  cexit__stack_unreference(parent);
  if (error != 0) return cexit__stack_unreference(stack), error;
  if ((error = enter()) != 0) return error;
  bool taken = stack->place != 0 &&
               cexit__pending_index((cexit_handler){stack->place}) != NONE; // another thread has placed the stack
  if (!taken) stack->place = place.raw;
  lock_drop();
  if (taken) cexit__cancel(place);
  return 0;
}

int cexit__stack_nest_owned(cexit_stack *parent, const char *name, const void *owner, cexit_stack **out) {
  if (out == NULL) return EINVAL;
  cexit_stack *stack;
  int error = cexit__stack_new(name, &stack);
  if (error != 0) return error;
  if (parent == NULL) parent = PROCESS;
  if ((error = enter()) == 0) {
    bool fits = cexit__stack_level(parent) < MOST_LEVELS;
    if (fits) cexit__stack_set_parent(stack, parent);
    stack->owner = owner;
    lock_drop();
    error = fits ? cexit__stack_place(stack) : ELOOP;
  }
  if (error != 0)
    cexit__stack_unreference(stack);
  else
    *out = stack;
  return error;
}

// ---- Moving

size_t cexit__stack_move(cexit_stack *from, cexit_stack *to) {
  if (from == NULL) from = PROCESS;
  if (to == NULL) to = PROCESS;
  if (from == to) return 0;
  if (cexit__stack_enter_ready(to, NULL, false) != 0) return 0;
  size_t moved = 0;
  for (unsigned list = 0; list < LISTS; list++) moved += cexit__stack_move_list(from, to, list);
  lock_drop();
  return moved;
}

// ---- Entries that are asleep: pending, but not to be run by their stack. The holder of the handle may run or cancel
// them. They are in a list of their own, so a run does not meet them however many there are.

static void move(struct entry *entry, uint32_t index, bool asleep) {
  cexit_stack *stack = stack_at(entry->stack);
  cexit__entry_unlink(entry);
  if (asleep) entry->asleep_from = entry->phase;
  STEP();
  entry->phase = asleep ? ASLEEP : entry->asleep_from;
  entry->epoch = cexit__process.epoch;
  cexit__entry_link(stack, entry, index);
}

bool cexit__set_asleep(cexit_handler handler, bool asleep) {
  for (;;) {
    if (enter() != 0) return false;
    uint32_t index = cexit__pending_index(handler);
    struct entry *entry = index != NONE ? entry_at(index) : NULL;
    bool changes = entry != NULL && (entry->phase == ASLEEP) != asleep;
    cexit_stack *unready =
        changes && !asleep && !cexit__stack_is_ready(stack_at(entry->stack), NULL) ? stack_at(entry->stack) : NULL;
    if (changes && unready == NULL) move(entry, index, asleep);
    lock_drop();
    if (unready == NULL) return entry != NULL;
    if (cexit__stack_make_ready(unready, NULL) != 0) return false;
  }
}

bool cexit__is_awake(cexit_handler handler) {
  if (enter() != 0) return false;
  uint32_t index = cexit__pending_index(handler);
  bool awake = index != NONE && entry_at(index)->phase != ASLEEP;
  lock_drop();
  return awake;
}
