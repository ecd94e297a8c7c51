// SPDX-License-Identifier: Apache-2.0
//
// An exit by a signal handler that interrupted its own thread in the middle of a change. The thread never comes back to
// the change, so the exit takes the lock over, and puts in order what the change has left.
//
// The process (settle, fork), objects, observers and the names of other copies: each is done again, or one thing too many
// stays. The repair may be interrupted by an exit, too: that exit begins the repair anew.

#include "core.h"

// ---- The rules of every change
//
//   entry           pending while `generation` is odd. The generation is the commit point: a registration writes it after
//                   all fields of the entry, cancelling and a run before they touch the entry or its list. So a pending
//                   entry on no list is being registered or moved: the repair puts it on top of the list that the entry
//                   names. An entry on a list that is not pending is being taken: the repair takes it off.
//   list            `newest` and `older` lead to all entries at each instruction: an entry is linked by the last write of
//                   one word, and unlinked by one write. `newer` follows from the list.
//   counts, skips,  follow from the lists
//   children
//   reference       added before what it stands for, and dropped after: an interruption leaves one too many at most
//   stack           exists from the moment that `references` is not 0, the last field that is written
//   run             `runner` of a thread in the middle of a change may be of no turn; a turn is of no thread while `runner` is 0
//   chunk           exists from the moment that `chunk` has it; its pages are known before
//   page            in use below `fresh` of its chunk, which grows when the page is set up
//   free entries    follow from the entries; free stacks are given up
//   recent owners   are looked up again
//   slots           are taken for called, so the next registration puts new ones into libc's list

// An entry that no list reaches stays its own neighbour.
static void mark_pending(void) {
  for (uint32_t i = 0; i < cexit__entries.fresh; i++) {
    struct entry *entry = entry_at(i);
    if ((entry->generation & 1) != 0) entry->newer = i;
  }
}

static void link_the_rest(void) {
  for (uint32_t i = 0; i < cexit__entries.fresh; i++) {
    struct entry *entry = entry_at(i);
    if ((entry->generation & 1) != 0 && entry->newer == i) cexit__entry_link(stack_at(entry->stack), entry, i);
  }
}

static void repair_list(cexit_stack *stack, unsigned list) {
  uint32_t *link = &stack->newest[list], newer = NONE;
  for (uint32_t index; (index = *link) != NONE;) {
    struct entry *entry = entry_at(index);
    if ((entry->generation & 1) == 0) {
      *link = entry->older;
      continue;
    }
    entry->newer = newer;
    newer = index;
    link = &entry->older;
    if (list == ASLEEP) continue;
    *(is_foreign(entry) ? &stack->foreign : &stack->count) += 1;
    stack->inherited += entry->inherited;
  }
}

static void repair_stacks(void) {
  struct slab *slab = &cexit__stacks;
  for (uint32_t i = 0; i < slab->fresh; i++) {
    cexit_stack *stack = stack_at(i);
    if (stack->references == 0) continue;
    stack->count = stack->foreign = stack->inherited = 0;
    stack->first_child = 0;
    memset(stack->skipped_from, 0, sizeof stack->skipped_from);
    if (stack->runner == 0) stack->turns = 0;
    for (unsigned list = 0; list < LISTS; list++) repair_list(stack, list);
  }
  for (uint32_t i = 0; i < slab->fresh; i++) {
    cexit_stack *stack = stack_at(i);
    if (stack->references != 0 && stack->parent != NONE) cexit__stack_join_parent(stack, stack_at(stack->parent));
  }
  slab->free = NONE;
  slab->capacity = 0;
  for (unsigned chunk = chunk_of(0); chunk < CHUNKS && slab->chunk[chunk] != 0; chunk++) slab->capacity += 1u << chunk;
  slab->available = slab->capacity - slab->fresh;
}

COLD void cexit__repair(void) {
  mark_pending();
  repair_stacks();
  link_the_rest();
  cexit__entries_lost(true);
  memset(cexit__process.recent, 0, sizeof cexit__process.recent);
  cexit__process.recent[0].owner = &cexit__process;
}
