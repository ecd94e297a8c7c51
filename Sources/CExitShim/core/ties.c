// SPDX-License-Identifier: Apache-2.0
//
// Ties: from an object to its finalizers, newest first.
//
// Each entry has room for a tie, in the memory of its chunk, so a finalizer takes no memory of its own:
//
//   chunk k:  2^k entries | their pages | 2^k ties | 2^k heads of chains, of two tables in turn
//
// A tie holds an unowned reference: the object may die, but its memory, and with it its address, is not used again while
// a table knows the object. An entry that is run or cancelled leaves its tie behind, since the claim of an entry is the
// same for all kinds. Such a stale tie has a generation that its entry has no more. Who comes first takes the tie away: the
// death of the object, or the next finalizer whose entry is in the same place.
//
// The tables are linear hash tables: a table that is full splits one chain with each tie that comes, so no call has to
// move all ties. There are at most as many chains as entries, and room for all of them is there from the start.

#include "ties.h"

enum { AT_ONCE = 32 }; // chains that a call looks through for dead objects

struct table {
  uint32_t chains;
  uint32_t count; // ties
  uint32_t next;  // the chain to look through for dead objects
};
// In the second are objects whose class is not watched. These do not say when they die.
static struct table tables[2] = {{FIRST_CHUNK, 0, 0}, {FIRST_CHUNK, 0, 0}};

static inline uint32_t
half_of(const struct table *table) { // how many chains there were before the first of this round split
  return 1u << (31 ^ __builtin_clz(table->chains));
}

static inline struct chunk_place *place_of(uint32_t index) {
  return &cexit__places[leading_zeros(index + FIRST_CHUNK)];
}

static inline struct tie *tie_at(uint32_t index) {
  return (struct tie *)place_of(index)->ties + index + FIRST_CHUNK;
}

static inline uint32_t *chain_at(const struct table *table, uint32_t number) {
  uint32_t *chains = (uint32_t *)place_of(number)->chains;
  return &chains[2 * ((size_t)number + FIRST_CHUNK) + (size_t)(table != tables)];
}

uint32_t cexit__ties_limit = UINT32_MAX; // no table has more chains

static inline void *object_in(uintptr_t word) {
  return (void *)(word & ~(uintptr_t)TIE_FLAGS);
}

// Pages are spread, and objects of one page stay beside each other: those that were made one after the other often die
// so, too, and then their chains are in the cache.
static inline uint32_t hash(const void *object) {
  return (uint32_t)((uintptr_t)object >> 4) + (uint32_t)(((uintptr_t)object >> 12) * 0x9E3779B97F4A7C15u >> 32);
}

static inline uint32_t *chain_of(const struct table *table, const void *object) {
  uint32_t half = half_of(table), number = hash(object) & (2 * half - 1);
  return chain_at(table, number < table->chains ? number : number - half);
}

static inline struct table *table_of(uintptr_t word) {
  return &tables[(word & TIE_SWEPT) != 0];
}

// A chain becomes two, each in the same order.
static __attribute__((noinline)) void split(struct table *table) {
  uint32_t half = half_of(table), place;
  uint32_t *low = chain_at(table, table->chains - half), *high = chain_at(table, table->chains++);
  place = *low;
  while (place != 0) {
    struct tie *tie = tie_at(place - 1);
    uint32_t **link = (hash(object_in(tie->word)) & half) != 0 ? &high : &low;
    **link = place;
    *link = &tie->next;
    place = tie->next;
  }
  *low = *high = 0;
}

static inline void unlink_tie(uint32_t *link, struct tie *tie, uint32_t index) {
  *link = tie->next;
  table_of(tie->word)->count--;
  place_of(index)->of->tied--;
  tie->word = 0;
}

static COLD void *remove_stale(struct tie *tie, uint32_t index) {
  void *object = object_in(tie->word);
  uint32_t *link = chain_of(table_of(tie->word), object);
  while (*link != index + 1) link = &tie_at(*link - 1)->next;
  unlink_tie(link, tie, index);
  return object;
}

void *cexit__tie(uint32_t index, uint32_t generation, uintptr_t word) {
  struct tie *tie = tie_at(index);
  struct table *table = table_of(word);
  void *left = LIKELY(tie->word == 0) ? NULL : remove_stale(tie, index);
  if (table->count >= table->chains && table->chains < cexit__entries.capacity && table->chains < cexit__ties_limit)
    split(table);
  uint32_t *chain = chain_of(table, object_in(word));
  tie->word = word;
  tie->generation = generation;
  tie->next = *chain;
  *chain = index + 1;
  table->count++;
  place_of(index)->of->tied++;
  return left;
}

static bool is_in(uint32_t place, const void *object) {
  for (; place != 0; place = tie_at(place - 1)->next) {
    if (object_in(tie_at(place - 1)->word) == object) return true;
  }
  return false;
}

void cexit__tie_take(struct found *found) {
  void *object = found->object;
  uint32_t *link = chain_of(&tables[found->unwatched], object);
  found->index = NONE;
  found->more = false;
  while (*link != 0) {
    uint32_t index = *link - 1;
    struct tie *tie = tie_at(index);
    if (object_in(tie->word) != object) {
      link = &tie->next;
      continue;
    }
    found->place = tie->word & TIE_PLACE;
    unlink_tie(link, tie, index);
    found->references++;
    struct entry *entry = entry_at(index);
    if (entry->generation != tie->generation || is_foreign(entry)) continue;
    found->index = index;
    found->more = is_in(*link, object);
    return;
  }
}

// While they are few they are all looked at.
COLD void cexit__tie_take_dead(bool (*is_dead)(void *object), struct found *found) {
  struct table *table = &tables[1];
  found->unwatched = true;
  for (unsigned i = 0; i < AT_ONCE; i++, table->next++) {
    if (table->next >= table->chains) table->next = 0;
    uint32_t *chain = chain_at(table, table->next);
    for (uint32_t place = *chain; place != 0; place = tie_at(place - 1)->next) {
      found->object = object_in(tie_at(place - 1)->word);
      if (is_dead(found->object)) return cexit__tie_take(found);
    }
  }
  found->object = NULL;
  found->index = NONE;
}

COLD void *cexit__tie_object(uint32_t index) {
  const struct tie *tie = tie_at(index);
  return tie->generation == entry_at(index)->generation ? object_in(tie->word) : NULL;
}

COLD bool cexit__ties_leave(unsigned chunk) {
  uint32_t first = (1u << chunk) - FIRST_CHUNK;
  for (struct table *table = tables; table < tables + 2; table++) {
    if (table->count == 0) table->chains = FIRST_CHUNK;
    if (table->chains > first) return false;
  }
  if (cexit__entries.pages_of[chunk].tied != 0) return false;
  cexit__ties_limit = first;
  return true;
}

// A thread may have been changing a chain. So objects that die from now on have no finalizers, and exits run these.
COLD void cexit__ties_lost(void) {
  for (struct table *table = tables; table < tables + 2; table++) {
    for (uint32_t i = 0; i < table->chains; i++) *chain_at(table, i) = 0;
    *table = (struct table){FIRST_CHUNK, 0, 0};
  }
  for (uint32_t i = 0; i < cexit__entries.fresh; i++) {
    if (tie_at(i)->word != 0) tie_at(i)->word = 0;
  }
  for (unsigned chunk = 0; chunk < CHUNKS; chunk++) cexit__entries.pages_of[chunk].tied = 0;
}
