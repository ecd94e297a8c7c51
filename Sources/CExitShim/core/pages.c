// SPDX-License-Identifier: Apache-2.0
//
// Which entries are free. A registration takes the lowest free entry of the page at work. So entries registered in a
// row lie in a row, in whatever order earlier entries were cancelled. The next page is a page with free entries or a
// fresh page, of the lowest chunk that has either kind. So the upper chunks, which are the largest, become empty.
//
//   fresh, zeros ----> at work, its bits in the slab ----> full, on no list ----> on its chunk's list ----> at work
//     ^                                                                                  |
//     +------------------- the chunk is empty, and its memory is given back -------------+
//
// Memory is given back once more than MOST_EMPTY pages are empty, by the registration after that. A handle of an entry
// whose memory was given back stays stale: generations in a fresh page begin above all that the chunk has had.

#include "stack.h"
#include "ties.h"

enum { NO_PAGE = 1u << 31 }; // an index from which no index is less than a page away

static uint32_t first_page_of(unsigned chunk) {
  return (1u << chunk) / PAGE;
}

static uint32_t end_page_of(unsigned chunk) {
  return (uint32_t)(((uint64_t)2 << chunk) / PAGE);
}

COLD void cexit__entries_open_page(void) {
  struct slab *slab = &cexit__entries;
  slab->bits |= slab->withheld;
  slab->withheld = 0;
  if (slab->bits != 0 || slab->some == 0) return;
  unsigned chunk = (unsigned)__builtin_ctz(slab->some);
  struct chunk_pages *of = &slab->pages_of[chunk];
  bool used = of->list != NONE;
  uint32_t number = used ? of->list : of->fresh;
  struct page *page = &of->pages[number];
  slab->bits = used ? page->free : UINT64_MAX;
  slab->first = number * PAGE - FIRST_CHUNK;
  slab->at = slab->chunk[chunk] + (size_t)number * PAGE * sizeof(struct entry);
  if (used) {
    of->list = page->next;
    page->free = 0;
    if (slab->bits == UINT64_MAX) of->empty--, slab->empty--;
  } else {
    if (slab->fresh < slab->first + PAGE) slab->fresh = slab->first + PAGE;
    if (of->floor != 0) page->free = 0;
    for (uint32_t i = 0; of->floor != 0 && i < PAGE; i++) ((struct entry *)slab->at)[i].generation = of->floor;
    STEP();
    of->fresh++;
  }
  if (of->list == NONE && of->fresh == end_page_of(chunk)) slab->some &= ~(1u << chunk);
}

// The page at work goes onto its list.
static void close_page(void) {
  struct slab *slab = &cexit__entries;
  uint32_t index = slab->first, end = index + PAGE;
  uint64_t bits = slab->bits | slab->withheld;
  slab->bits = slab->withheld = 0;
  slab->first = NO_PAGE;
  for (; bits != 0 && index != end; index++, bits >>= 1) {
    if ((bits & 1) == 0) continue;
    slab->available--;
    cexit__entry_free(index);
  }
}

static bool take_empty(unsigned chunk) {
  struct slab *slab = &cexit__entries;
  struct chunk_pages *of = &slab->pages_of[chunk];
  uint32_t first = first_page_of(chunk);
  if (of->empty == 0 || of->empty != of->fresh - first || of->highest > UINT32_MAX / 2 || !cexit__ties_leave(chunk))
    return false;
  slab->available -= 1u << chunk;
  slab->some &= ~(1u << chunk);
  slab->empty -= of->empty;
  of->empty = 0;
  of->list = NONE;
  of->floor = of->highest;
  STEP();
  of->fresh = first;
  return true;
}

// The call of the kernel needs no lock: an empty chunk that is off the list has no other user.
static void give_back(void) { // with the lock held; drops the lock
  struct slab *slab = &cexit__entries;
  close_page();
  slab->most = UINT32_MAX; // no second thread begins
  for (unsigned chunk = CHUNKS - 1; first_page_of(chunk) != 0; chunk--) {
    if (!take_empty(chunk)) continue;
    lock_drop();
    size_t before = sizeof(struct entry) << chunk;
    cexit__forget_memory((void *)(slab->chunk[chunk] + before), before + ((size_t)BESIDE << chunk));
    if (lock_take() != 0) return;
    cexit__ties_limit = UINT32_MAX;
    slab->available += 1u << chunk;
    slab->some |= 1u << chunk;
  }
  slab->most = slab->empty + MOST_EMPTY;
  lock_drop();
}

COLD int cexit__entries_supply(void) {
  int error = lock_take();
  if (error != 0) return error;
  if (cexit__entries.empty > cexit__entries.most) return give_back(), 0;
  cexit__entries_open_page();
  bool full = cexit__entries.bits == 0;
  lock_drop();
  return full ? cexit__slab_grow(&cexit__entries) : 0;
}

// A thread may have been changing any of these lists. A claimed entry stays with the thread that claimed the entry, and
// a chunk whose memory a thread gives back stays with that thread.
COLD void cexit__entries_lost(bool pending_stay) {
  struct slab *slab = &cexit__entries;
  uint32_t some = pending_stay ? slab->some : UINT32_MAX;
  slab->bits = slab->withheld = 0;
  slab->first = NO_PAGE;
  slab->some = slab->empty = 0;
  if (!pending_stay) slab->most = MOST_EMPTY;
  slab->available = slab->capacity = 0;
  for (unsigned chunk = chunk_of(0); chunk < CHUNKS && slab->chunk[chunk] != 0; chunk++) {
    struct chunk_pages *of = &slab->pages_of[chunk];
    slab->capacity += 1u << chunk;
    if (of->fresh == first_page_of(chunk) && (some >> chunk & 1) == 0) continue;
    slab->available += 1u << chunk;
    of->list = NONE;
    of->empty = 0;
    if (of->fresh < end_page_of(chunk)) slab->some |= 1u << chunk;
    for (uint32_t i = first_page_of(chunk); i < of->fresh; i++) of->pages[i].free = 0;
    for (uint32_t n = 1u << chunk; n < of->fresh * PAGE; n++) {
      struct entry *entry = entry_at(n - FIRST_CHUNK);
      bool pending = (entry->generation & 1) != 0;
      slab->available--;
      if (pending ? pending_stay : entry->function != NULL) continue;
      entry->generation += pending;
      cexit__entry_free(n - FIRST_CHUNK);
    }
  }
  cexit__ties_lost();
}
