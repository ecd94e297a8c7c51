// SPDX-License-Identifier: Apache-2.0
//
// Moving entries from one stack to another. A nested stack moves with its entry, unless the stack would come to lie in
// itself, or too deep.

#include "core.h"

static bool is_within(const cexit_stack *stack, const cexit_stack *outer) {
  for (;; stack = stack_at(stack->parent)) {
    if (stack == outer) return true;
    if (stack->parent == NONE) return false;
  }
}

static void set_slots(cexit_stack *stack, struct slots *slots) { // also of the stacks nested in this stack
  stack->slots = slots;
  for (unsigned phase = 0; phase < 3; phase++) {
    for (uint32_t i = stack->newest[phase]; i != NONE; i = entry_at(i)->older) {
      if (entry_at(i)->kind == KIND_NESTED) set_slots(entry_at(i)->context, slots);
    }
  }
}

static uint32_t height(const cexit_stack *stack) { // how many levels are nested in this stack
  uint32_t most = 0;
  for (uint32_t child = stack->first_child; child != 0; child = stack_at(child - 1)->next_sibling) {
    uint32_t one = 1 + height(stack_at(child - 1));
    if (one > most) most = one;
  }
  return most;
}

static bool is_too_deep(const cexit_stack *nested, const cexit_stack *to) {
  return cexit__stack_level(to) + 1 + height(nested) > MOST_LEVELS;
}

size_t cexit__stack_move_list(cexit_stack *from, cexit_stack *to, unsigned list) {
  size_t moved = 0;
  uint32_t index = from->newest[list], next;
  while (index != NONE && entry_at(index)->older != NONE) index = entry_at(index)->older;
  for (; index != NONE; index = next) { // from the oldest on, each becomes the newest
    struct entry *entry = entry_at(index);
    cexit_stack *nested = entry->kind == KIND_NESTED ? entry->context : NULL;
    next = entry->newer;
    if (is_foreign(entry) || (nested != NULL && (is_within(to, nested) || is_too_deep(nested, to)))) continue;
    cexit__entry_unlink(entry);
    entry->epoch = cexit__process.epoch;
    cexit__entry_link(to, entry, index);
    if (nested != NULL) {
      cexit__stack_set_parent(nested, to);
      set_slots(nested, to->slots);
    }
    if (list != ASLEEP) moved++;
  }
  return moved;
}
