// SPDX-License-Identifier: Apache-2.0
//
// Storage for entries and stacks: chunks that double, so that nothing ever moves and an index finds its place with
// one count of leading zeros. The first chunk is static: a program with few handlers allocates nothing, and the
// first 32 registrations cannot fail. Chunks come from mmap, not malloc: a registration works inside a malloc hook
// and in a child that was forked while another thread held the allocator's lock. Which entries are free: pages.c.

#include "ties.h"

static struct {
  struct entry entries[FIRST_CHUNK];
  struct tie ties[FIRST_CHUNK];
  uint32_t heads[FIRST_CHUNK][2];
} first_chunk;
cexit_stack cexit__first_stacks[FIRST_CHUNK] = {
    [0] = {.newest = {NONE, NONE, NONE, NONE},
           .index = 0,
           .parent = NONE,
           .references = 1,
           .slots = &cexit__process.process_slots},
    [1] = {.newest = {NONE, NONE, NONE, NONE},
           .index = 1,
           .parent = NONE,
           .references = 1,
           .slots = &cexit__process.quick_slots},
};

#define FIRST(elements) ((uintptr_t)(elements) - sizeof(elements))

static struct page first_page;

struct slab cexit__entries = {.chunk = {[5] = FIRST(first_chunk.entries)},
                              .pages_of = {[5] = {.pages = &first_page, .list = NONE, .fresh = 1}},
                              .bits = UINT64_MAX << FIRST_CHUNK,
                              .at = FIRST(first_chunk.entries),
                              .first = 0u - FIRST_CHUNK,
                              .fresh = FIRST_CHUNK,
                              .most = MOST_EMPTY,
                              .capacity = FIRST_CHUNK,
                              .available = FIRST_CHUNK,
                              .element = sizeof(struct entry)};
struct slab cexit__stacks = {.chunk = {[5] = FIRST(cexit__first_stacks)},
                             .free = NONE,
                             .fresh = 2,
                             .capacity = FIRST_CHUNK,
                             .available = FIRST_CHUNK - 2,
                             .element = sizeof(cexit_stack)};

#define FIRST_PLACE                                                                                                    \
  { FIRST(first_chunk.entries), &cexit__entries.pages_of[5], FIRST(first_chunk.ties), FIRST(first_chunk.heads) }
struct chunk_place cexit__places[32] = {[5] = FIRST_PLACE, [31 - 5] = FIRST_PLACE};

struct entry *cexit__entry_at(uint32_t index) {
  return entry_here(index);
}

cexit_stack *cexit__stack_at(uint32_t index) {
  return stack_here(index);
}

// Leak checkers take a context that only an entry holds for leaked unless they look here, too.
extern void __lsan_register_root_region(const void *begin, size_t size) __attribute__((weak));

int cexit__slab_grow(struct slab *slab) {
  int error = lock_take();
  if (error != 0) return error;
  uint32_t seen = slab->capacity;
  lock_drop();

  uint32_t count = seen + FIRST_CHUNK; // a power of two: as many as there are, and the first chunk once more
  int k = (int)highest_bit(count);
  if (k >= CHUNKS) return ENOMEM;
  bool of_entries = slab == &cexit__entries;
  size_t elements = count * slab->element, size = elements + (of_entries ? count * (size_t)BESIDE : 0);
  char *memory = cexit__map(size);
  if (memory == NULL) return ENOMEM;

  error = lock_take();
  bool ours = error == 0 && slab->capacity == seen; // another thread may have grown it meanwhile
  if (ours && of_entries) {
    struct page *pages = (struct page *)(void *)(memory + elements);
    slab->pages_of[k] = (struct chunk_pages){.pages = pages - count / PAGE, .list = NONE, .fresh = count / PAGE};
    slab->some |= count;
    uintptr_t ties =
        (uintptr_t)(pages + count / PAGE); // the chains stand behind as many ties, and are stored lower as well
    cexit__places[leading_zeros(count)] =
        (struct chunk_place){(uintptr_t)memory - elements, &slab->pages_of[k], ties - count * sizeof(struct tie),
                             ties + count * (sizeof(struct tie) - 2 * sizeof(uint32_t))};
    STEP();
  }
  if (ours) {
    slab->chunk[k] = (uintptr_t)memory - elements;
    slab->capacity += count;
    slab->available += count;
  }
  if (error == 0) lock_drop();
  if (!ours)
    cexit__unmap(memory, size);
  else if (__lsan_register_root_region != NULL)
    __lsan_register_root_region(memory, size);
  return error;
}
