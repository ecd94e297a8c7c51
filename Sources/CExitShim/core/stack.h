// SPDX-License-Identifier: Apache-2.0
//
// The primitives of the stack's lists, inlined where a registration, a cancellation or a run is made of them. With the
// lock held.

#ifndef CEXIT_STACK_H
#define CEXIT_STACK_H

#include "core.h"

#pragma GCC visibility push(hidden)

void cexit__inherit_place(const cexit_stack *stack);

#pragma GCC visibility pop

ALWAYS_INLINE void joined(cexit_stack *stack, unsigned phase, bool inherited) {
  if (phase == ASLEEP) return;
  stack->count++;
  if (LIKELY(!inherited)) return;
  stack->inherited++;
  cexit__inherit_place(stack);
}

ALWAYS_INLINE void put_newest(cexit_stack *stack, struct entry *entry, uint32_t index, unsigned phase, bool inherited) {
  uint32_t older = stack->newest[phase];
  entry->newer = NONE;
  entry->older = older;
  if (older != NONE) entry_at(older)->newer = index;
  STEP();
  stack->newest[phase] = index;
  joined(stack, phase, inherited);
}

ALWAYS_INLINE bool is_plain(const struct entry *entry) { // neither asleep nor inherited
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return LIKELY(entry->half[0] < (uint32_t)ASLEEP << 29); // above the phase lies `inherited`: one comparison for both
#else
  return LIKELY(entry->phase != ASLEEP && !entry->inherited);
#endif
}

ALWAYS_INLINE cexit_stack *stack_of(const struct entry *entry) {
  return LIKELY(entry->stack == 0) ? PROCESS : stack_at(entry->stack);
}

ALWAYS_INLINE void unlink_plain(cexit_stack *stack, struct entry *entry) {
  uint32_t newer = entry->newer, older = entry->older;
  if (newer != NONE)
    entry_at(newer)->older = older;
  else
    stack->newest[entry->phase] = older;
  if (older != NONE) entry_at(older)->newer = newer;
  stack->count--;
}

// False: a case for cexit__entry_free, which is still to be called. So a caller has no call in the middle,
// for which the caller would save registers.
ALWAYS_INLINE bool entry_free(struct entry *entry, uint32_t index, uint32_t generation) {
  struct slab *slab = &cexit__entries;
  uint32_t place = index - slab->first;
  entry->function = NULL;
  entry->context = NULL; // or a leak checker would find the context in this entry
  if (LIKELY(place < PAGE)) {
    if (!LIKELY(generation < LAST_GENERATION)) return true; // retired, or a stale handle could match once more
    slab->available++;
    slab->bits |= (uint64_t)1 << place;
    return true;
  }
  OPAQUE(index); // computes the chunk anew: to keep the chunk from before, callers would save registers
  struct chunk_pages *of = cexit__places[leading_zeros(index + FIRST_CHUNK)].of;
  struct page *page = &of->pages[(index + FIRST_CHUNK) / PAGE];
  uint64_t before = page->free, after = before | (uint64_t)1 << (index + FIRST_CHUNK) % PAGE;
  if (!LIKELY(before != 0 && after != UINT64_MAX && generation <= of->highest)) return false;
  page->free = after;
  slab->available++;
  return true;
}

ALWAYS_INLINE bool take_plain(cexit_stack *stack, struct entry *entry, uint32_t index) { // as entry_free
  uint32_t generation = entry->generation + 1;
  entry->generation = generation;
  STEP();
  unlink_plain(stack, entry);
  return entry_free(entry, index, generation);
}

// Before the first write: a copy of the whole entry would read wide words over bytes that were just written as narrow
// words, and the processor would wait for its store buffer. Returns what the word of the file says.
ALWAYS_INLINE const char *copy_for_call(struct entry *out, const struct entry *entry, uint32_t index) {
  out->function = entry->function;
  out->context = entry->context;
  out->release = entry->release;
  out->name = entry->name;
  out->bits = entry->bits;
  out->older = index; // for the trace, which knows the registration by the index
  return out->file = entry->file;
}

// What a run usually takes next: the newest entry of its phase, from this process and from the executable, neither asleep nor
// inherited, without a hint. False: nothing has changed, cexit__stack_take is to follow.
ALWAYS_INLINE bool take_usual(cexit_stack *stack, uint32_t floor, struct entry *out) {
  const uint64_t unusual = (struct entry){.inherited = 1, .asleep_from = ASLEEP, .owner = 0xFFF}.bits;
  unsigned phase = LIKELY(stack->newest[CExitPhaseEarly] == NONE) ? CExitPhaseNormal : CExitPhaseEarly;
  uint32_t index = stack->newest[phase];
  if (!LIKELY(index != NONE)) return false;
  struct entry *entry = entry_here(index);
  uint32_t epoch = entry->epoch;
  if (!LIKELY((entry->bits & unusual) == 0 && epoch >= cexit__process.born && epoch >= floor &&
              epoch >= cexit__process.yield))
    return false;
  copy_for_call(out, entry, index);
  __builtin_prefetch(entry - 24, 1); // entries lie in their order: a sixth less time
  uint32_t older = entry->older, generation = entry->generation + 1;
  entry->generation = generation;
  STEP();
  stack->newest[phase] = older;
  if (LIKELY(older != NONE)) entry_here(older)->newer = NONE;
  stack->count--;
  if (!LIKELY(entry_free(entry, index, generation))) cexit__entry_free(index);
  return true;
}

ALWAYS_INLINE uint32_t entry_new(struct entry **out) { // `bits` is not 0
  struct slab *slab = &cexit__entries;
  unsigned place = (unsigned)__builtin_ctzll(slab->bits);
  slab->bits &= slab->bits - 1;
  slab->available--;
  uintptr_t at = slab->at + place * sizeof(struct entry);
  OPAQUE(at); // one register
  *out = (struct entry *)at;
  return slab->first + place;
}

ALWAYS_INLINE struct entry *pending_entry(cexit_handler handler) { // NULL: not pending in this process
  uint32_t index = (uint32_t)handler.raw, generation = (uint32_t)(handler.raw >> 32);
  if ((generation & 1) == 0 || index >= cexit__entries.fresh) return NULL;
  struct entry *entry = entry_at(index);
  return entry->generation == generation && !is_foreign(entry) ? entry : NULL;
}

#endif
