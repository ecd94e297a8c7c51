// SPDX-License-Identifier: Apache-2.0
//
// The registration of an entry, inlined where the entry is made: for the usual handler (register.c), and for all else
// (register_any.c).

#ifndef CEXIT_PUSH_H
#define CEXIT_PUSH_H

#include "../core/stack.h"
#include "../core/ties.h"
#include "exit.h"

#pragma GCC visibility push(hidden)
int cexit__entries_open_page_and_give(void); // with the lock held; drops the lock. 0
#pragma GCC visibility pop

ALWAYS_INLINE bool is_ready_for_all(const cexit_stack *stack, const void *owner) { // what each registration needs
  return LIKELY(cexit__entries.bits != 0 && known_owner(owner)->owner == owner && !stack->refuses);
}

// With the stack ready and the lock held; drops the lock. Inlined where the entry is made. What is computed comes first, and
// then each field goes to the entry before the next field is read: so few registers are needed, and hardly any is saved.
// `word`: of the tie of a finalizer, or 0; `left`: see cexit__tie.
ALWAYS_INLINE int push(cexit_stack *stack, const cexit_entry *from, unsigned phase, const void *owner,
                       cexit_handler *out, unsigned kind, unsigned flags, uintptr_t word, void **left) {
  struct entry *entry;
  bool inherited = (flags & CEXIT_INHERITED) != 0;
  uint32_t line = from->line;
  uint64_t bits = entry_bits(stack->index, kind, phase, inherited, line < 1u << 18 ? line : 0,
                             (flags & CEXIT_PINNED) ? 0 : known_owner(owner)->number);
  OPAQUE(bits);
  uint32_t index = entry_new(&entry), generation = entry->generation + 1;
  entry->bits = bits;
  entry->function = from->function;
  STEP(); // two words at once are more than the caller wrote at once, and the processor would wait for its store buffer
  entry->context = from->context;
  entry->release = from->release;
  entry->name = from->name;
  STEP();
  entry->file = from->file;
  entry->epoch = cexit__process.epoch;
  put_newest(stack, entry, index, phase, inherited);
  entry->generation = generation; // after the fields: putting takes a step
  if (out != NULL) out->raw = (uint64_t)generation << 32 | index;
  if (word != 0) *left = cexit__tie(index, generation, word);
  if (!LIKELY(cexit__entries.bits != 0)) return cexit__entries_open_page_and_give();
  return word_give_up(&cexit__lock_word) ? cexit__word_wake(&cexit__lock_word) : 0;
}

#endif
