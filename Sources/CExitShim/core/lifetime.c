// SPDX-License-Identifier: Apache-2.0
//
// The life of stacks. A nested stack is an entry of its parent, and that entry's function runs the stack. References
// keep a stack: one of the maker, one of the entry, one of each run (a handler may destroy the stack that the handler
// is on), and one of each child (a child may have to be placed on its parent again).
//
//   made                           references: maker, entry in the parent
//   entry runs, or is cancelled    the entry's reference goes
//   registered on after that       a new entry in the parent, and a reference of that entry
//   released by the maker          an empty stack gives up its entry; a stack with entries stays until its entry has gone

#include "core.h"

int cexit__stack_new(const char *name, cexit_stack **out) {
  for (;;) {
    int error = enter();
    if (error != 0) return error;
    if (cexit__stacks.available != 0) break;
    lock_drop();
    if (cexit__stacks.capacity >= 1u << 25) return ENOMEM; // an entry has 26 bits for its stack
    if ((error = cexit__slab_grow(&cexit__stacks)) != 0) return error;
  }
  uint32_t index = cexit__stacks.free;
  if (index != NONE)
    cexit__stacks.free = stack_at(index)->next_free;
  else
    index = cexit__stacks.fresh++;
  cexit__stacks.available--;
  cexit_stack *stack = stack_at(index);
  *stack = (cexit_stack){.newest = {NONE, NONE, NONE, NONE}, .index = index, .parent = NONE, .name = name};
  STEP();
  stack->references = 1;
  lock_drop();
  *out = stack;
  return 0;
}

// ---- Parents and children

void cexit__stack_join_parent(cexit_stack *stack, cexit_stack *parent) {
  stack->next_sibling = parent->first_child;
  stack->previous_sibling = 0;
  if (parent->first_child != 0) stack_at(parent->first_child - 1)->previous_sibling = stack->index + 1;
  parent->first_child = stack->index + 1;
}

static void leave_parent(cexit_stack *stack, cexit_stack *parent) {
  if (stack->previous_sibling != 0)
    stack_at(stack->previous_sibling - 1)->next_sibling = stack->next_sibling;
  else
    parent->first_child = stack->next_sibling;
  if (stack->next_sibling != 0) stack_at(stack->next_sibling - 1)->previous_sibling = stack->previous_sibling;
}

uint32_t cexit__stack_level(const cexit_stack *stack) {
  uint32_t level = 0;
  while ((stack = parent_of(stack)) != NULL) level++;
  return level;
}

void cexit__stack_drop(cexit_stack *stack) {
  for (cexit_stack *parent; stack != NULL; stack = parent) {
    if (stack->references == 1 && stack->newest[ASLEEP] != NONE)
      cexit__stack_move_list(stack, PROCESS, ASLEEP); // the holder of a handle may still run the entry
    parent = parent_of(stack);
    if (--stack->references != 0) return;
    stack->next_free = cexit__stacks.free;
    cexit__stacks.free = stack->index;
    cexit__stacks.available++;
    if (parent != NULL) leave_parent(stack, parent);
  }
}

void cexit__stack_unreference(cexit_stack *stack) {
  if (enter() != 0) return;
  cexit__stack_drop(stack);
  lock_drop();
}

void cexit__stack_set_parent(cexit_stack *stack, cexit_stack *parent) {
  cexit_stack *before = parent_of(stack);
  if (parent != NULL) parent->references++;
  STEP();
  if (before != NULL) leave_parent(stack, before);
  stack->parent = parent != NULL ? parent->index : NONE;
  stack->slots = parent != NULL ? parent->slots : NULL;
  if (parent != NULL) cexit__stack_join_parent(stack, parent);
  STEP();
  if (before != NULL) cexit__stack_drop(before);
}

int cexit__stack_create(const char *name, cexit_stack **out) {
  return out == NULL ? EINVAL : cexit__stack_new(name, out);
}

// ---- The end

static bool is_permanent(const cexit_stack *stack) {
  return stack == NULL || stack == PROCESS || stack == QUICK;
}

// Entries of a parent process on the stack, and the stack's place in its parent, would outlive the stack and come back
// when this child adopts. They are not released: their contents belong to the parent process.
static void forget_inherited(cexit_stack *stack) { // with the lock held
  uint32_t place = (uint32_t)stack->place;
  if (stack->place != 0 && entry_at(place)->generation == (uint32_t)(stack->place >> 32) && is_foreign(entry_at(place)))
    cexit__entry_forget(place);
  for (unsigned list = 0; list < LISTS; list++) {
    for (uint32_t index = stack->newest[list], older; index != NONE; index = older) {
      older = entry_at(index)->older;
      if (is_foreign(entry_at(index))) cexit__entry_forget(index);
    }
  }
}

void cexit__stack_destroy(cexit_stack *stack) {
  if (is_permanent(stack) || enter() != 0) return;
  if (!stack->destroyed && cexit__process.born != 0) forget_inherited(stack);
  bool again = stack->destroyed;
  stack->destroyed = stack->refuses = true;
  cexit_handler place = {stack->place};
  while (stack->first_child != 0) cexit__stack_set_parent(stack_at(stack->first_child - 1), NULL);
  lock_drop();
  if (again) return;
  cexit__cancel(place);
  cexit__stack_clear(stack);
  cexit__stack_unreference(stack);
}

void cexit__stack_close_if_over(cexit_stack *stack) {
  if (stack->closing && stack->runner == 0 && cexit__stack_next(stack, 0) == NONE) stack->refuses = true;
}

int cexit__stack_close(cexit_stack *stack) {
  if (is_permanent(stack)) return EINVAL;
  int error = enter();
  if (error != 0) return error;
  stack->closing = true;
  cexit__stack_close_if_over(stack);
  lock_drop();
  return 0;
}

static bool is_empty(const cexit_stack *stack) {
  for (unsigned list = 0; list < LISTS; list++) {
    if (stack->newest[list] != NONE) return false;
  }
  return true;
}

void cexit__stack_release(cexit_stack *stack) {
  if (is_permanent(stack) || enter() != 0) return;
  bool nested = stack->parent != NONE;
  struct entry place = {0};
  uint32_t index = nested && is_empty(stack) ? cexit__pending_index((cexit_handler){stack->place}) : NONE;
  if (index != NONE) cexit__entry_take(index, &place);
  lock_drop();
  cexit__entry_release(&place);
  if (nested)
    cexit__stack_unreference(stack);
  else
    cexit__stack_destroy(stack);
}

size_t cexit__stack_count(cexit_stack *stack) {
  if (enter() != 0) return 0;
  size_t count = (stack != NULL ? stack : PROCESS)->count;
  lock_drop();
  return count;
}

cexit_stack *cexit__quick_stack(void) {
  return QUICK;
}

// ---- Fork

static void forget_runner(cexit_stack *stack) { // no other thread came along
  memset(stack->skipped_from, 0, sizeof stack->skipped_from);
  if (stack->runner == this_thread()) return;
  stack->references -= stack->turns;
  stack->turns = 0;
  stack->runner = 0;
}

void cexit__stacks_forked(void) {
  for (uint32_t i = 0; i < cexit__stacks.fresh; i++) {
    cexit_stack *stack = stack_at(i);
    stack->foreign += stack->count - stack->inherited;
    stack->count = stack->inherited;
    forget_runner(stack);
  }
}

void cexit__stacks_adopted(void) {
  for (uint32_t i = 0; i < cexit__stacks.fresh; i++) {
    cexit_stack *stack = stack_at(i);
    stack->count += stack->foreign;
    stack->foreign = 0;
  }
}

// A thread that does not exist in this process may have been changing lists and entries. So no list is followed again,
// and pending entries become free. A claimed entry stays with the thread that claimed it, which may be this thread.
void cexit__stacks_lost(void) {
  for (uint32_t i = 0; i < cexit__stacks.fresh; i++) {
    cexit_stack *stack = stack_at(i);
    for (unsigned list = 0; list < LISTS; list++) stack->newest[list] = NONE;
    stack->count = stack->foreign = stack->inherited = 0;
    forget_runner(stack);
  }
  cexit__stacks.free = NONE;
  cexit__stacks.available = cexit__stacks.capacity - cexit__stacks.fresh;
  cexit__entries_lost(false);
}
