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

static const char phase_order[LISTS] = {CExitPhaseEarly, CExitPhaseNormal, CExitPhaseLate, ASLEEP};

// ---- One entry

// A forked child has to reach an inherited entry: the places of the stacks around the entry are inherited, too.
COLD void cexit__inherit_place(const cexit_stack *stack) {
  uint32_t index;
  while (stack->parent != NONE && (index = cexit__pending_index((cexit_handler){stack->place})) != NONE) {
    struct entry *place = entry_at(index);
    if (place->inherited) return;
    place->inherited = 1;
    stack_at(place->stack)->inherited++;
    stack = stack_at(place->stack);
  }
}

COLD void cexit__entry_link(cexit_stack *stack, struct entry *entry, uint32_t index) {
  entry->stack = stack->index;
  put_newest(stack, entry, index, entry->phase, entry->inherited);
}

COLD void cexit__entry_link_oldest(cexit_stack *stack, struct entry *entry, uint32_t index, uint32_t oldest) {
  entry->stack = stack->index;
  entry->newer = oldest;
  entry->older = NONE;
  if (oldest != NONE)
    entry_at(oldest)->older = index;
  else
    stack->newest[entry->phase] = index;
  joined(stack, entry->phase, entry->inherited);
}

static COLD void leave_unusually(cexit_stack *stack, const struct entry *entry) { // asleep, or inherited
  unsigned phase = entry->phase;
  if (phase == ASLEEP) return;
  stack->count--;
  stack->inherited--;
  if (stack->skipped_to[phase] != 0 && entry_at(stack->skipped_to[phase] - 1) == entry)
    stack->skipped_to[phase] = entry->older + 1;
}

ALWAYS_INLINE void unlink_from(cexit_stack *stack, struct entry *entry) {
  uint32_t newer = entry->newer, older = entry->older;
  if (newer != NONE)
    entry_at(newer)->older = older;
  else
    stack->newest[entry->phase] = older;
  if (older != NONE) entry_at(older)->newer = newer;
  if (LIKELY(entry->phase != ASLEEP && !entry->inherited))
    stack->count--;
  else
    leave_unusually(stack, entry);
}

COLD void cexit__entry_unlink(struct entry *entry) {
  unlink_from(stack_at(entry->stack), entry);
}

static __attribute__((noinline)) void free_elsewhere(uint32_t index, uint32_t generation) { // not in the page at work
  struct slab *slab = &cexit__entries;
  uint32_t number = (index + FIRST_CHUNK) / PAGE;
  unsigned chunk = chunk_of(index);
  struct chunk_pages *of = &slab->pages_of[chunk];
  struct page *page = &of->pages[number];
  uint64_t before = page->free;
  page->free = before | (uint64_t)1 << (index + FIRST_CHUNK) % PAGE;
  if (generation > of->highest) of->highest = generation;
  if (before == 0) {
    page->next = of->list;
    of->list = number;
    slab->some |= 1u << chunk;
  } else if (page->free == UINT64_MAX) {
    of->empty++;
    if (++slab->empty > slab->most) { // so the next registration comes to cexit__entries_supply
      slab->withheld |= slab->bits;
      slab->bits = 0;
    }
  }
}

ALWAYS_INLINE void entry_free(struct entry *entry, uint32_t index) {
  struct slab *slab = &cexit__entries;
  uint32_t generation = entry->generation, place = index - slab->first;
  entry->function = NULL;
  entry->context = NULL;                    // or a leak checker would find the context in this entry
  if (generation >= UINT32_MAX - 1) return; // retired, or a stale handle could match once more
  slab->available++;
  if (place < PAGE)
    slab->bits |= (uint64_t)1 << place;
  else
    free_elsewhere(index, generation);
}

void cexit__entry_free(uint32_t index) {
  entry_free(entry_at(index), index);
}

ALWAYS_INLINE void take(cexit_stack *stack, struct entry *entry, uint32_t index) {
  unlink_from(stack, entry);
  entry->generation++;
  entry_free(entry, index);
}

static COLD void take_coldly(uint32_t index) {
  struct entry *entry = entry_at(index);
  cexit__entry_unlink(entry);
  entry->generation++;
  cexit__entry_free(index);
}

// Field by field, and before the first write: a copy of the whole entry would read wide words over bytes that were just
// written as narrow words, and the processor would wait for its store buffer.
ALWAYS_INLINE void take_out(cexit_stack *stack, struct entry *entry, uint32_t index, struct entry *out) {
  out->function = entry->function;
  out->context = entry->context;
  out->release = entry->release;
  out->name = entry->name;
  out->file = entry->file;
  out->bits = entry->bits;
  __builtin_prefetch(entry - 16, 1); // in a run, where entries lie in their order: a sixth less time
  take(stack, entry, index);
}

COLD void cexit__entry_take(uint32_t index, struct entry *out) {
  *out = *entry_at(index);
  take_coldly(index);
}

COLD void cexit__entry_forget(uint32_t index) {
  struct entry *entry = entry_at(index);
  cexit_stack *stack = stack_at(entry->stack);
  if (entry->phase != ASLEEP) {
    stack->foreign--;
    stack->count++; // unlinking subtracts 1
  }
  take_coldly(index);
}

void cexit__entry_release(const struct entry *entry) {
  int saved = errno;
  if (is_closure(entry->kind))
    call_closure(entry, CExitCallRelease);
  else if (entry->release != NULL)
    entry->release(entry->context);
  errno = saved;
}

uint32_t cexit__pending_index(cexit_handler handler) {
  return pending_index(handler);
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
ALWAYS_INLINE uint32_t next(const cexit_stack *stack, uint32_t floor) {
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

COLD uint32_t cexit__stack_next(const cexit_stack *stack, uint32_t floor) {
  return next(stack, floor);
}

bool cexit__stack_take(cexit_stack *stack, uint32_t floor, struct entry *out) {
  uint32_t index = next(stack, floor);
  if (index == NONE) return false;
  take_out(stack, entry_at(index), index, out);
  if (!LIKELY(out->owner == 0)) cexit__use_begins(out->owner);
  return true;
}

// ---- Handles

COLD bool cexit__is_pending(cexit_handler handler) {
  if (enter() != 0) return false;
  bool pending = cexit__pending_index(handler) != NONE;
  lock_drop();
  return pending;
}

static __attribute__((noinline)) bool give_and_release(cexit_function function, void *context, void (*release)(void *),
                                                       unsigned kind) {
  lock_drop();
  cexit__entry_release(&(struct entry){.function = function, .context = context, .release = release, .kind = kind & 7});
  return true;
}

// With the lock held; drops the lock. The only calls are at the end, so the function saves no registers.
static bool cancel(cexit_handler handler) {
  uint32_t index = pending_index(handler);
  if (index == NONE) return lock_drop(), false;
  struct entry *entry = entry_at(index);
  cexit_function function = entry->function;
  void (*release)(void *) = entry->release;
  void *context = entry->context;
  unsigned kind = entry->kind;
  take(stack_at(entry->stack), entry, index);
  if (release != NULL || kind == KIND_CLOSURE) return give_and_release(function, context, release, kind);
  word_give(&cexit__lock_word);
  return true;
}

bool cexit__cancel(cexit_handler handler) {
  return (enter_fast() || enter() == 0) && cancel(handler);
}
