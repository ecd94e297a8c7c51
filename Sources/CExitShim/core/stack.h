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
  stack->newest[phase] = index;
  joined(stack, phase, inherited);
}

ALWAYS_INLINE uint32_t entry_new(struct entry **out) { // `bits` is not 0
  struct slab *slab = &cexit__entries;
  unsigned place = (unsigned)__builtin_ctzll(slab->bits);
  slab->bits &= slab->bits - 1;
  slab->available--;
  *out = (struct entry *)(slab->at + place * sizeof(struct entry));
  return slab->first + place;
}

static inline uint32_t pending_index(cexit_handler handler) {
  uint32_t index = (uint32_t)handler.raw, generation = (uint32_t)(handler.raw >> 32);
  if ((generation & 1) == 0 || index >= cexit__entries.fresh) return NONE;
  struct entry *entry = entry_at(index);
  return entry->generation == generation && !is_foreign(entry) ? index : NONE;
}

#endif
