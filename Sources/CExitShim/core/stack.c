// SPDX-License-Identifier: Apache-2.0
//
// The exit stack: which entries there are, and which comes next.
//
//            register                take
//   (free) -----------> (pending) ----------> (free), contents with the thread that took them: to run, or to release
//
// An entry is pending while its generation is odd. A handle carries the generation of its registration, so a stale
// handle never matches again. Each phase of each stack is a list from newest to oldest. An entry is off its list, and
// its storage is free, before its function is called: exactly-once needs no more.

#include "stack.h"
#include "trace.h"

static const char phase_order[LISTS] = {CExitPhaseEarly, CExitPhaseNormal, CExitPhaseLate, ASLEEP};

void cexit__entry_take(uint32_t index, struct entry *out) {
  struct entry *entry = entry_at(index);
  const char *file = copy_for_call(out, entry, index);
  if (has_hint(entry)) {
    out->file = NULL;
    __builtin_prefetch(file, 1);
  }
  entry->generation++;
  STEP();
  if (is_plain(entry))
    unlink_plain(stack_of(entry), entry);
  else
    cexit__entry_unlink(entry);
  cexit__entry_free(index);
}

// ---- The next entry

// In a child that has inherited entries below a parent's: where the last search ended the next one begins.
static COLD uint32_t newest_inherited(cexit_stack *stack, unsigned phase) {
  uint32_t first = stack->newest[phase];
  uint32_t index = stack->skipped_from[phase] == first + 1 ? stack->skipped_to[phase] - 1 : first;
  while (index != NONE && is_foreign(entry_at(index))) index = entry_at(index)->older;
  stack->skipped_from[phase] = first + 1;
  stack->skipped_to[phase] = index + 1;
  return index;
}

ALWAYS_INLINE uint32_t newest_of_ours(const cexit_stack *stack, unsigned phase) {
  uint32_t index = stack->newest[phase];
  if (index == NONE || LIKELY(!is_foreign(entry_at(index)))) return index;
  return stack->inherited == 0 ? NONE : newest_inherited((cexit_stack *)stack, phase); // the rest is older still
}

// The floor does not change the order of the stack: the stack runs until no entry of the floor's epoch or later is
// left.
COLD uint32_t cexit__stack_next(const cexit_stack *stack, uint32_t floor) {
  if (floor != 0 && floor < cexit__process.yield) floor = cexit__process.yield;
  uint32_t next = NONE;
  for (unsigned i = 0; i < ASLEEP; i++) {
    uint32_t index = newest_of_ours(stack, (unsigned)phase_order[i]);
    if (index == NONE) continue;
    if (next == NONE) next = index;
    if (entry_at(index)->epoch >= floor) return next;
  }
  return NONE;
}

COLD bool cexit__stack_take(cexit_stack *stack, uint32_t floor, struct entry *out) {
  uint32_t index = cexit__stack_next(stack, floor);
  if (index == NONE) return false;
  cexit__entry_take(index, out);
  if (out->owner != 0) cexit__use_begins(out->owner);
  return true;
}

// ---- Handles

COLD bool cexit__is_pending(cexit_handler handler) {
  if (enter() != 0) return false;
  bool pending = cexit__pending_index(handler) != NONE;
  lock_drop();
  return pending;
}

// With the lock held, these drop the lock.
static __attribute__((noinline)) bool cancel_and_release(uint32_t index) {
  const struct entry *entry = entry_at(index);
  struct entry taken = {
      .function = entry->function, .context = entry->context, .release = entry->release, .kind = entry->kind};
  bool done = cexit__entry_take_off(index);
  OPAQUE(done);
  lock_drop();
  cexit__entry_release(&taken);
  return done;
}

static COLD bool give(bool done) {
  OPAQUE(done);
  lock_drop();
  return done;
}

static COLD bool free_and_give(uint32_t index) {
  cexit__entry_free(index);
  return give(true);
}

static COLD bool wake_next(void) {
  return cexit__word_wake(&cexit__lock_word) == 0;
}

static COLD bool cancel_slowly(cexit_handler handler) {
  struct entry taken;
  if (enter() != 0) return false;
  bool found = pending_entry(handler) != NULL;
  if (found) cexit__entry_take((uint32_t)handler.raw, &taken);
  lock_drop();
  if (!found) return false;
  trace_registration(MOMENT_CANCELLED, &taken); // the release may free the name
  cexit__entry_release(&taken);
  return true;
}

// The only calls are at the end, so the function saves no registers. `noinline`: or clang makes functions of parts that are
// rarely needed, as it guesses.
__attribute__((noinline)) bool cexit__cancel(cexit_handler handler) {
  if (!enter_fast()) return cancel_slowly(handler);
  uint32_t index = (uint32_t)handler.raw;
  struct entry *entry = pending_entry(handler);
  if (!LIKELY(entry != NULL)) return give(false);
  if (!(is_plain(entry) && entry->release == NULL && entry->kind != KIND_CLOSURE)) return cancel_and_release(index);
  if (!take_plain(stack_of(entry), entry, index)) return free_and_give(index);
  return !word_give_up(&cexit__lock_word) || wake_next();
}
