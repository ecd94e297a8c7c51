// SPDX-License-Identifier: Apache-2.0
//
// One entry: on its list and off its list, its storage, its captures. Here is the general case, compiled for size; what a
// registration, a cancellation and a run usually need is inline in stack.h.

#include "stack.h"

enum { HINT_DISTANCE = 8 };

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

static void give_hint(struct entry *entry) {
  static struct entry *moved[HINT_DISTANCE];
  static unsigned count;
  struct entry **place = &moved[count++ % HINT_DISTANCE];
  if (entry->phase != ASLEEP && entry->file == NULL) {
    entry->asleep_from = ASLEEP;
    STEP();
    entry->file = (const char *)*place;
  }
  *place = entry;
}

COLD void cexit__entry_link(cexit_stack *stack, struct entry *entry, uint32_t index) {
  entry->stack = stack->index;
  give_hint(entry);
  put_newest(stack, entry, index, entry->phase, entry->inherited);
}

COLD void cexit__entry_link_oldest(cexit_stack *stack, struct entry *entry, uint32_t index, uint32_t oldest) {
  entry->stack = stack->index;
  entry->newer = oldest;
  entry->older = NONE;
  STEP();
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

COLD void cexit__entry_unlink(struct entry *entry) {
  cexit_stack *stack = stack_at(entry->stack);
  unlink_plain(stack, entry);
  if (has_hint(entry)) {
    entry->file = NULL;
    STEP();
    entry->asleep_from = 0;
  }
  if (is_plain(entry)) return;
  stack->count++;
  leave_unusually(stack, entry);
}

COLD void cexit__entry_free(uint32_t index) {
  struct slab *slab = &cexit__entries;
  struct entry *entry = entry_at(index);
  uint32_t number = (index + FIRST_CHUNK) / PAGE, place = index - slab->first;
  entry->function = NULL;
  entry->context = NULL;
  if (entry->generation >= LAST_GENERATION) return;
  slab->available++;
  if (place < PAGE) {
    slab->bits |= (uint64_t)1 << place;
    return;
  }
  unsigned chunk = chunk_of(index);
  struct chunk_pages *of = &slab->pages_of[chunk];
  struct page *page = &of->pages[number];
  uint64_t before = page->free;
  page->free = before | (uint64_t)1 << (index + FIRST_CHUNK) % PAGE;
  if (entry->generation > of->highest) of->highest = entry->generation;
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

COLD bool cexit__entry_free_as_well(uint32_t index) {
  cexit__entry_free(index);
  return true;
}

COLD bool cexit__entry_take_off(uint32_t index) {
  struct entry *entry = entry_at(index);
  entry->generation++;
  STEP();
  cexit__entry_unlink(entry);
  return cexit__entry_free_as_well(index);
}

COLD void cexit__entry_forget(uint32_t index) {
  struct entry *entry = entry_at(index);
  cexit_stack *stack = stack_at(entry->stack);
  if (entry->phase != ASLEEP) {
    stack->foreign--;
    stack->count++; // unlinking subtracts 1
  }
  cexit__entry_take_off(index);
}

const struct kind_facts cexit__kinds[8] = KINDS;

COLD const void *cexit__c_function(const struct entry *entry) {
  uint32_t shows = cexit__kinds[entry->kind].shows;
  return shows == SHOWS_RELEASE    ? (const void *)entry->release
         : shows == SHOWS_FUNCTION ? (const void *)entry->function
                                   : NULL;
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
  return pending_entry(handler) != NULL ? (uint32_t)handler.raw : NONE;
}
