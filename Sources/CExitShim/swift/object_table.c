// SPDX-License-Identifier: Apache-2.0
//
// The table of finalizers: from an object to its nodes, newest first.
//
// A node that is tied holds an unowned reference: the object may die, but its memory, and with it its address, is not
// used again while the table knows it. Nodes are linked both ways, so that one is untied without a search, and taken
// out for good: nothing is left behind that later look-ups would have to pass. Shards keep threads apart.

#include "swift.h"

// In a node's word, below the object's address: where to run, and whether its class is not watched.
enum { PLACE = 3, SWEPT = 4, FLAGS = 7 };
enum { SHARD_BITS = 5, SHARDS = 1 << SHARD_BITS, FIRST_BUCKETS = 4, ALWAYS_SWEPT = 16 };

static struct shard {
  _Alignas(64) _Atomic uintptr_t lock;
  bool forking;
  uint32_t mask; // how many buckets, less one
  size_t count;
  cexit_finalizer **buckets; // NULL: the static buckets
  cexit_finalizer *first[FIRST_BUCKETS];
} shards[SHARDS + 1];

// Objects that do not say when they die are in the last shard, in a single bucket, looked through now and then.
#define unwatched (shards[SHARDS])
_Atomic bool cexit__any_unwatched;
static size_t registrations; // since the last sweep

// Pages are spread, and objects of one page stay beside each other: those that were made one after the other often die
// so, too, and then their buckets are in the cache.
static inline uint64_t page_hash(const void *object) {
  return ((uintptr_t)object >> 12) * 0x9E3779B97F4A7C15u;
}

static inline uint64_t bucket_hash(const void *object) {
  return ((uintptr_t)object >> 4) + (page_hash(object) >> 27);
}

static inline void *object_in(uintptr_t word) {
  return (void *)(word & ~(uintptr_t)FLAGS);
}

static inline struct shard *shard_of(uintptr_t word) {
  return (word & SWEPT) != 0 ? &unwatched : &shards[page_hash(object_in(word)) >> (64 - SHARD_BITS)];
}

static inline cexit_finalizer **bucket_of(struct shard *shard, const void *object) {
  if (shard == &unwatched) return shard->first;
  uint64_t hash = bucket_hash(object);
  return shard->buckets != NULL ? &shard->buckets[hash & shard->mask] : &shard->first[hash % FIRST_BUCKETS];
}

// Written with the shard's lock held, read without the lock to find the shard. 0: untied.
static inline uintptr_t word_of(const cexit_finalizer *node) {
  return __atomic_load_n(&node->object, __ATOMIC_RELAXED);
}

static int shard_enter(struct shard *shard) { // 0 or EDEADLK
  int error = LIKELY(is_here()) ? 0 : cexit__process_enter();
  return error != 0 ? error : word_take(&shard->lock);
}

static void link_node(cexit_finalizer **bucket, cexit_finalizer *node) {
  node->next = *bucket;
  node->link = bucket;
  if (node->next != NULL) node->next->link = &node->next;
  *bucket = node;
}

static void unlink_node(struct shard *shard, cexit_finalizer *node) {
  *node->link = node->next;
  if (node->next != NULL) node->next->link = node->link;
  __atomic_store_n(&node->object, 0, __ATOMIC_RELAXED);
  shard->count--;
}

// ---- Growing: twice the buckets when chains are two long on average. Without memory the chains grow longer.

static void move_chain(cexit_finalizer *node, cexit_finalizer **to, uint32_t mask) {
  cexit_finalizer *oldest_first = NULL, *next;
  for (; node != NULL; node = next) {
    next = node->next;
    node->next = oldest_first;
    oldest_first = node;
  }
  for (node = oldest_first; node != NULL; node = next) {
    next = node->next;
    link_node(&to[bucket_hash(object_in(node->object)) & mask], node);
  }
}

static void grow(struct shard *shard, uint32_t seen) {
  uint32_t mask = seen == 0 ? 4 * FIRST_BUCKETS - 1 : 2 * seen + 1;
  int saved = errno;
  cexit_finalizer **buckets = calloc((size_t)mask + 1, sizeof *buckets), **unused = buckets;
  errno = saved;
  if (buckets == NULL || word_take(&shard->lock) != 0) return free(unused);
  if (shard->mask == seen) {
    uint32_t before = seen == 0 ? FIRST_BUCKETS : seen + 1;
    cexit_finalizer **from = seen == 0 ? shard->first : shard->buckets;
    for (uint32_t i = 0; i < before; i++) move_chain(from[i], buckets, mask);
    unused = shard->buckets;
    shard->buckets = buckets;
    shard->mask = mask;
  }
  word_drop(&shard->lock);
  free(unused);
}

// ---- One node

int cexit__node_tie(cexit_finalizer *node, void *object, uint32_t place, bool watched) {
  uintptr_t word = (uintptr_t)object | (place & PLACE) | (watched ? 0 : SWEPT);
  struct shard *shard = shard_of(word);
  int error = shard_enter(shard);
  if (error != 0) return error;
  if (!watched) atomic_store_explicit(&cexit__any_unwatched, true, memory_order_relaxed);
  __atomic_store_n(&node->object, word, __ATOMIC_RELAXED);
  link_node(bucket_of(shard, object), node);
  uint32_t mask = shard->mask;
  bool full = ++shard->count > 2 * (size_t)(mask == 0 ? FIRST_BUCKETS : mask + 1);
  word_drop(&shard->lock);
  if (watched && full) grow(shard, mask);
  return 0;
}

void *cexit__node_untie(cexit_finalizer *node) {
  for (uintptr_t word; (word = word_of(node)) != 0;) {
    struct shard *shard = shard_of(word);
    if (shard_enter(shard) != 0) return NULL;
    bool ours = word_of(node) == word;
    if (ours) unlink_node(shard, node);
    word_drop(&shard->lock);
    if (ours) return object_in(word);
  }
  return NULL;
}

void *cexit__node_object(const cexit_finalizer *node, void *(*retain)(void *object)) {
  void *object = NULL;
  uintptr_t word = word_of(node);
  if (word == 0 || shard_enter(shard_of(word)) != 0) return NULL;
  if (word_of(node) == word) object = retain(object_in(word));
  word_drop(&shard_of(word)->lock);
  return object;
}

// ---- All of an object

static void take(struct shard *shard, cexit_finalizer *node, struct ready *out) {
  uintptr_t word = node->object;
  *out = (struct ready){{__atomic_load_n(&node->handler, __ATOMIC_ACQUIRE)}, object_in(word), word & PLACE};
  unlink_node(shard, node);
}

uint32_t cexit__nodes_take(void *object, struct ready *out, uint32_t room) {
  struct shard *shard = shard_of((uintptr_t)object);
  uint32_t count = 0;
  if (shard_enter(shard) != 0) return 0;
  for (cexit_finalizer *node = *bucket_of(shard, object), *next; node != NULL && count < room; node = next) {
    next = node->next;
    if (object_in(node->object) == object) take(shard, node, &out[count++]);
  }
  word_drop(&shard->lock);
  return count;
}

// While they are few they are all looked at; else when half as many registrations have come since the last time, so
// that one of them costs the same on average however many there are.
uint32_t cexit__nodes_sweep(bool again, bool (*is_dead)(void *object), struct ready *out, uint32_t room) {
  uint32_t count = 0;
  if (shard_enter(&unwatched) != 0) return 0;
  if (again || unwatched.count <= ALWAYS_SWEPT || ++registrations > unwatched.count / 2) {
    registrations = 0;
    for (cexit_finalizer *node = unwatched.first[0], *next; node != NULL && count < room; node = next) {
      next = node->next;
      if (is_dead(object_in(node->object))) take(&unwatched, node, &out[count++]);
    }
  }
  word_drop(&unwatched.lock);
  return count;
}

// ---- Fork: no other thread may be in the middle of a change. Its own thread may, in a signal handler: then that goes
// on after it, in parent and child.

void cexit__table_before_fork(void) {
  for (struct shard *shard = shards; shard <= &shards[SHARDS]; shard++) shard->forking = word_take(&shard->lock) == 0;
}

void cexit__table_after_fork(void) {
  for (struct shard *shard = shards; shard <= &shards[SHARDS]; shard++) {
    if (shard->forking) word_drop(&shard->lock);
    shard->forking = false;
  }
}

// In a child a shard whose lock another thread held cannot be trusted. Its nodes are the parent's, so drop the nodes.
void cexit__table_forked(void) {
  for (struct shard *shard = shards; shard <= &shards[SHARDS]; shard++) {
    uintptr_t holder = atomic_load(&shard->lock) & ~(uintptr_t)1;
    if (holder != 0 && holder != this_thread()) *shard = (struct shard){0};
  }
}
