// SPDX-License-Identifier: Apache-2.0
//
// Cancelling many: one walk takes the entries that match and links them through `older`; their release comes after the
// walk.

#include "trace.h"

static const char order[LISTS] = {CExitPhaseEarly, CExitPhaseNormal, CExitPhaseLate, ASLEEP};

static bool is_any(const struct entry *entry, const void *wanted) {
  (void)wanted;
  return entry->function != NULL;
}

static bool is_named(const struct entry *entry, const void *name) {
  return entry->name != NULL && strcmp(entry->name, name) == 0;
}

struct taken_list {
  uint32_t first, last;
  size_t count;
  uint32_t steps; // since other threads had the lock
  bool is_nested; // in a nested stack, which might go if the lock were given away
};

// A walk through a million entries takes 25 ms. A thread that sleeps on the lock gets the lock in between. Where the walk
// goes on has left meanwhile, at worst: then the walk goes through the list once more.
static uint32_t let_others(const cexit_stack *stack, unsigned phase, uint32_t next) {
  cexit_handler place = {(uint64_t)entry_at(next)->generation << 32 | next};
  cexit__lock_let_others();
  bool stays = cexit__pending_index(place) != NONE && entry_at(next)->stack == stack->index;
  return stays && entry_at(next)->phase == phase ? next : stack->newest[phase];
}

static void take_matching(cexit_stack *stack, cexit_matcher *matches, const void *wanted, struct taken_list *list) {
  for (unsigned i = 0; i < LISTS; i++) {
    uint32_t next;
    for (uint32_t index = stack->newest[(unsigned)order[i]]; index != NONE; index = next) {
      struct entry *entry = entry_at(index);
      next = entry->older;
      if (++list->steps >= 1024 && !list->is_nested && lock_is_wanted() && !is_foreign(entry)) {
        next = let_others(stack, (unsigned)order[i], index);
        list->steps = 0;
        continue;
      }
      if (is_foreign(entry)) continue;
      // A nested stack goes together with its place, or its entries are looked at.
      bool nested = entry->kind == KIND_NESTED, taken = matches(entry, wanted);
      size_t before = list->count;
      bool within = list->is_nested;
      list->is_nested = true;
      if (nested) take_matching(entry->context, taken ? is_any : matches, wanted, list);
      list->is_nested = within;
      if (!taken) continue;
      entry->generation++;
      STEP();
      cexit__entry_unlink(entry);
      entry->older = NONE;
      if (list->last == NONE)
        list->first = index;
      else
        entry_at(list->last)->older = index;
      list->last = index;
      list->count = (nested ? before : list->count) + 1;
    }
  }
}

static void tell_and_release(uint32_t index) {
  struct entry taken = *entry_at(index);
  taken.older = index;
  trace_registration(MOMENT_CANCELLED, &taken); // the release may free the name
  cexit__entry_release(&taken);
}

size_t cexit__cancel_matching(cexit_stack *stack, cexit_matcher *matches, const void *wanted) {
  struct taken_list list = {.first = NONE, .last = NONE};
  if (enter() != 0) return 0;
  take_matching(stack, matches, wanted, &list);
  lock_drop();

  for (uint32_t index = list.first; index != NONE; index = entry_at(index)->older) tell_and_release(index);

  if (list.first == NONE || lock_take() != 0) return list.count;
  for (uint32_t index = list.first, next; index != NONE; index = next) {
    next = entry_at(index)->older;
    cexit__entry_free(index);
  }
  lock_drop();
  return list.count;
}

size_t cexit__stack_cancel_named(cexit_stack *stack, const char *name) {
  return name == NULL ? 0 : cexit__cancel_matching(stack != NULL ? stack : PROCESS, is_named, name);
}

size_t cexit__stack_clear(cexit_stack *stack) {
  return cexit__cancel_matching(stack != NULL ? stack : PROCESS, is_any, NULL);
}
