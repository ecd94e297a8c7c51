// SPDX-License-Identifier: Apache-2.0
//
// A walk over the pending entries, in the order in which a run would take them. The lock is held for one step: an entry is
// copied, and shown without the lock. The handle of the entry that was shown last leads to the next entry. If the entry of
// the handle has left, the next entry is the first on the same stack with a lower number.
//
// A signal handler may have interrupted the holder of the lock, and a debugger may have stopped the holder. Then the walk reads
// without the lock: indexes and addresses are checked, and the number of steps is bounded.

#include "../platform/text.h"
#include "exit.h"

static const char order[LISTS] = {CExitPhaseEarly, CExitPhaseNormal, CExitPhaseLate, ASLEEP};
enum { PATIENCE = 100 }; // milliseconds that the walk waits for the lock

static bool try_lock(void) {
  if (lock_is_held_here()) return false;
  for (int i = 0; i < PATIENCE; i++) {
    if (word_try(&cexit__lock_word)) return true;
    nanosleep(&(struct timespec){0, 1000000}, NULL);
  }
  return false;
}

static uint32_t valid(uint32_t index) {
  return index < cexit__entries.fresh ? index : NONE;
}

static uint32_t index_of(uint64_t raw) { // of a parent's, too
  uint32_t index = valid((uint32_t)raw), generation = (uint32_t)(raw >> 32);
  return index != NONE && (generation & 1) != 0 && entry_at(index)->generation == generation ? index : NONE;
}

static size_t runs(const struct entry *entry) { // 1: a run of its stack comes to the entry
  return entry->phase != ASLEEP && !is_foreign(entry);
}

// ---- One step

// The first entry from that list on; `list` becomes the list of the entry.
static uint32_t first_from(const cexit_stack *stack, unsigned *list) {
  for (; *list < LISTS; ++*list) {
    uint32_t index = valid(stack->newest[(unsigned)order[*list]]);
    if (index != NONE) return index;
  }
  return NONE;
}

static uint32_t below(const struct level *level, uint32_t index, unsigned *list) {
  uint32_t older = valid(entry_at(index)->older);
  if (older != NONE) return older;
  ++*list;
  return first_from(level->stack, list);
}

// The entry that follows an entry that has left.
static uint32_t find_lower(struct level *level) {
  unsigned list = 0;
  size_t number = level->stack->count;
  uint32_t steps = 0, index = first_from(level->stack, &list);
  for (; index != NONE && ++steps <= cexit__entries.fresh; index = below(level, index, &list)) {
    if (list >= level->list && (number < level->number || list == ASLEEP)) break;
    number -= runs(entry_at(index));
  }
  level->list = list;
  level->number = number;
  return index;
}

static bool is_stack(const struct walk *walk, const void *context) {
  if (!walk->unlocked) return true;
  for (uint32_t i = 0; i < cexit__stacks.fresh; i++) {
    if (stack_at(i) == context) return true;
  }
  return false;
}

static uint32_t begin(struct walk *walk, uint32_t depth, const cexit_stack *stack) {
  struct level level = {.stack = stack, .number = stack->count};
  uint32_t first = depth <= MOST_LEVELS ? first_from(stack, &level.list) : NONE;
  if (first == NONE) return NONE;
  walk->depth = depth;
  walk->levels[depth] = level;
  return first;
}

static uint32_t step(struct walk *walk) {
  if (!walk->begun) return walk->begun = true, begin(walk, 0, walk->root);
  uint32_t last = index_of(walk->levels[walk->depth].last);
  const struct entry *entry = last != NONE ? entry_at(last) : NULL;
  if (entry != NULL && entry->kind == KIND_NESTED && is_stack(walk, entry->context)) {
    uint32_t first = begin(walk, walk->depth + 1, entry->context);
    if (first != NONE) return first;
  }
  for (;; walk->depth--) { // up, when a stack is done
    struct level *level = &walk->levels[walk->depth];
    last = index_of(level->last);
    bool stays = last != NONE && entry_at(last)->stack == level->stack->index;
    if (stays) level->number -= runs(entry_at(last));
    uint32_t next = stays ? below(level, last, &level->list) : find_lower(level);
    if (next != NONE || walk->depth == 0) return next;
  }
}

// ---- Showing an entry

static void show(struct walk *walk, uint32_t index) {
  const struct entry *entry = entry_at(index);
  bool asleep = entry->phase == ASLEEP;
  struct level *level = &walk->levels[walk->depth];
  level->last = (uint64_t)entry->generation << 32 | index;
  walk->kind = entry->kind;
  walk->function = cexit__c_function(entry);
  walk->seen = (cexit_pending){
      .name = cexit__text_copy(walk->name, sizeof walk->name, entry->name),
      .file = has_hint(entry) ? NULL : cexit__text_copy(walk->file, sizeof walk->file, entry->file),
      .line = entry->line,
      .flags = (entry->inherited ? CEXIT_INHERITED : 0) | (entry->kind == KIND_NESTED ? CEXIT_IS_NESTED : 0) |
               (asleep ? CEXIT_IS_ASLEEP : 0) | (is_foreign(entry) ? CEXIT_IS_PARENTS : 0) |
               (walk->function != NULL ? CEXIT_IS_FUNCTION : 0),
      .phase = (CExitPhase)(asleep ? entry->asleep_from : entry->phase),
      .depth = walk->depth,
      .number = runs(entry) ? level->number : 0,
      .stack = cexit__text_copy(walk->stack, sizeof walk->stack, level->stack->name),
      .function = walk->function != NULL ? walk->function : (const void *)entry->function,
      .owner = cexit__owner_at(entry->owner),
      .context = entry->context,
  };
}

bool cexit__walk_next(struct walk *walk) {
  bool locked = !walk->unlocked && try_lock();
  if (!locked) walk->unlocked = true;
  if (!locked && ++walk->steps > cexit__entries.fresh) return false;
  uint32_t next = step(walk);
  if (next != NONE) show(walk, next);
  if (locked) lock_drop();
  return next != NONE;
}

// `error`: NULL, to cancel entries that the visitor wants: each when the walk has left the entry, or the walk would have to
// look for its place. Else the visitor says whether to go on.
static size_t show_all(cexit_stack *stack, cexit_visitor visitor, void *context, int *error) {
  struct walk walk = {.root = stack != NULL ? stack : PROCESS};
  cexit_handler wanted = {0};
  size_t count = 0;
  for (bool more = visitor != NULL; more;) {
    more = cexit__walk_next(&walk);
    if (wanted.raw != 0) count += cexit__cancel(wanted);
    wanted.raw = 0;
    if (!more || (error == NULL && (walk.seen.flags & CEXIT_IS_NESTED) != 0)) continue;
    bool answer = visitor(context, &walk.seen);
    if (error != NULL)
      more = answer;
    else if (answer)
      wanted.raw = walk.levels[walk.depth].last;
  }
  if (error != NULL) *error = visitor == NULL ? EINVAL : walk.unlocked ? EDEADLK : 0;
  return count;
}

int cexit__walk(cexit_stack *stack, cexit_visitor visitor, void *context) {
  int error;
  show_all(stack, visitor, context, &error);
  return error;
}

size_t cexit__stack_cancel_if(cexit_stack *stack, cexit_visitor matches, void *context) {
  return show_all(stack, matches, context, NULL);
}
