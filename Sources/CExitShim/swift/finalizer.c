// SPDX-License-Identifier: Apache-2.0
//
// Finalizers: entries that run when an object dies, if they have not run before.
//
//   tied to its object  --object dies-->  taken out of the table, its deinit runs, then the entry is run by handle
//                       --entry ran or was cancelled otherwise-->  untied by its release
//
// The entry's claim is what makes it happen once; the table only says what to claim. No lock is held while anything
// of a user's runs: not a deinit, and not a finalizer.

#include "swift.h"

RUNTIME extern void *swift_unownedRetain(void *object);
RUNTIME extern void swift_unownedRelease(void *object);
RUNTIME extern void swift_unownedRelease_n(void *object, uint32_t count);
RUNTIME extern size_t swift_unownedRetainCount(void *object);
RUNTIME extern void *swift_tryRetain(void *object);
RUNTIME extern bool swift_isDeallocating(void *object);

enum { BATCH = 8 };

struct batch {
  uint32_t count;
  struct ready ready[BATCH];
};

static cexit_finalizer_delegate delegate;

void cexit__finalizers_set_delegate(cexit_finalizer_delegate given) {
  delegate = given;
}

// ---- Running what has been taken out of the table

static void run(const struct ready *ready) {
  bool elsewhere = ready->place == CEXIT_ON_ACTOR || (ready->place == CEXIT_ON_MAIN && !cexit__main_is_here());
  if (elsewhere && delegate.run != NULL)
    delegate.run(ready->handler.raw, ready->place == CEXIT_ON_MAIN);
  else
    cexit__run(ready->handler);
}

// The caller has a reference to the object besides those of the batch.
static void run_all(void *object, struct batch *batch) {
  while (batch->count != 0) {
    for (uint32_t i = 0; i < batch->count; i++) run(&batch->ready[i]);
    if (batch->count < BATCH) break;
    batch->count = cexit__nodes_take(object, batch->ready, BATCH);
    if (batch->count != 0) swift_unownedRelease_n(object, batch->count);
  }
}

// ---- The object dies

// A finalizer may hold the last reference to another object with a finalizer, and so on. Finalizers stand on top of each
// other up to DEEPEST. A deeper one waits in a queue of its thread until the outermost has ended: a chain of any length
// needs the same stack. Without memory for the queue, the finalizer runs at once.
enum { DEEPEST = 32 };

static _Atomic(cexit_departure *) orphans; // of threads that ended; the next thread that runs finalizers takes them

struct cexit_departure {
  void *object;
  size_t unowned; // its unowned references while it lived
  struct batch batch;
  struct cexit_departure *next; // in the queue of its thread
};

// A deinit that is isolated to an actor may have been put off to its thread. The object's life holds an unowned
// reference to itself until the deinit is over; deinit may drop others, of its children to it, and hardly makes any.
static bool is_over(void *object, size_t unowned) {
  return swift_unownedRetainCount(object) < unowned;
}

static cexit_departure *departure_of(void *object, size_t unowned, const struct batch *batch) { // NULL: no memory
  cexit_departure *departure = malloc(sizeof *departure);
  if (departure != NULL) *departure = (cexit_departure){object, unowned, *batch, NULL};
  return departure;
}

static bool put_off(void *object, size_t unowned, const struct batch *batch) {
  if (delegate.wait == NULL || is_over(object, unowned)) return false;
  cexit_departure *departure = departure_of(object, unowned, batch);
  if (departure != NULL) delegate.wait(departure);
  return departure != NULL;
}

static bool enqueue(void *object, const struct batch *batch) {
  cexit_departure *departure = departure_of(object, 0, batch);
  if (departure == NULL) return false;
  struct departures *queue = &cexit__thread.departures;
  if (queue->first == NULL) queue->end = &queue->first;
  *queue->end = departure;
  queue->end = &departure->next;
  return true;
}

static void run_nested(void *object, struct batch *batch) {
  cexit__thread.finalizers++;
  run_all(object, batch);
  swift_unownedRelease(object);
  cexit__thread.finalizers--;
}

static void run_queue(void) {
  struct departures *queue = &cexit__thread.departures;
  for (cexit_departure *departure; (departure = queue->first) != NULL; free(departure)) {
    queue->first = departure->next;
    run_nested(departure->object, &departure->batch);
  }
}

static bool adopt(void) { // into an empty queue
  if (LIKELY(atomic_load_explicit(&orphans, memory_order_relaxed) == NULL)) return false;
  struct departures *queue = &cexit__thread.departures;
  queue->first = atomic_exchange(&orphans, NULL);
  for (queue->end = &queue->first; *queue->end != NULL; queue->end = &(*queue->end)->next) continue;
  return queue->first != NULL;
}

static void finish(void *object, struct batch *batch) {
  if (cexit__thread.finalizers >= DEEPEST && enqueue(object, batch)) return;
  run_nested(object, batch);
  if (cexit__thread.finalizers != 0) return;
  run_queue();
  if (adopt()) run_queue();
}

// A finalizer ended its thread. The Swift runtime (6.3) keeps a list of accesses in the frames of a thread, which are
// gone, so no Swift code is safe on the thread any more: another thread runs what waits.
void cexit__finalizers_thread_ended(void) {
  struct departures *queue = &cexit__thread.departures;
  cexit__thread.finalizers = 0;
  if (queue->first == NULL) return;
  cexit_departure *others = atomic_load(&orphans);
  do *queue->end = others;
  while (!atomic_compare_exchange_weak(&orphans, &others, queue->first));
  queue->first = NULL;
}

bool cexit__departure_is_over(const cexit_departure *departure) {
  return is_over(departure->object, departure->unowned);
}

void cexit__departure_end(cexit_departure *departure) {
  finish(departure->object, &departure->batch);
  free(departure);
}

void cexit__object_dies(void *object, cexit__deinit *deinit, bool hops) {
  struct batch batch;
  batch.count = cexit__nodes_take(object, batch.ready, BATCH);
  if (batch.count == 0) return deinit(object);
  if (batch.count > 1) swift_unownedRelease_n(object, batch.count - 1);
  size_t unowned = hops ? swift_unownedRetainCount(object) : 0;
  deinit(object);
  if (hops && put_off(object, unowned, &batch)) return;
  finish(object, &batch);
}

static SWIFT_CALL void no_deinit(SWIFT_SELF void *object) {
  (void)object;
}

void cexit__object_died(void *object) {
  cexit__object_dies(object, no_deinit, false);
}

static void sweep(void) {
  struct batch batch = {.count = BATCH};
  for (bool again = false; batch.count == BATCH; again = true) {
    batch.count = cexit__nodes_sweep(again, swift_isDeallocating, batch.ready, BATCH);
    for (uint32_t i = 0; i < batch.count; i++) {
      run(&batch.ready[i]);
      swift_unownedRelease(batch.ready[i].object);
    }
  }
}

// ---- One finalizer

static void untie(cexit_finalizer *finalizer) {
  void *object = cexit__node_untie(finalizer);
  if (object != NULL) swift_unownedRelease(object);
}

// Another thread may run and release the entry as soon as the entry is registered. Who comes second, that thread's
// cexit_finalizer_end or the end of this function, gives the node back: the first leaves a word in `handler`.
static bool exchange(cexit_finalizer *finalizer, uint64_t word) { // false: this thread is the second
  uint64_t none = 0;
  return __atomic_compare_exchange_n(&finalizer->handler, &none, word, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

int cexit__finalizer_add(cexit_stack *stack, cexit_finalizer *finalizer, void *object, cexit_finalizing *state,
                         const cexit_entry *entry, const void *owner) {
  if (swift_unownedRetain == NULL) return ENOTSUP;
  int error = 0;
  if (atomic_load_explicit(&cexit__any_unwatched, memory_order_relaxed)) sweep();
  if (swift_isDeallocating(object)) { // its finalizers have been looked for already
    state->prompt = false;
  } else {
    swift_unownedRetain(object);
    error = cexit__node_tie(finalizer, object, state->place, state->prompt);
    if (error != 0) return swift_unownedRelease(object), error;
  }
  error = cexit__register_finalizer(stack, entry, owner, &state->handler);
  if (error != 0)
    untie(finalizer);
  else
    state->is_over = !exchange(finalizer, state->handler.raw);
  return error;
}

bool cexit__finalizer_end(cexit_finalizer *finalizer) {
  untie(finalizer);
  return LIKELY(__atomic_load_n(&finalizer->handler, __ATOMIC_ACQUIRE) != 0) || !exchange(finalizer, 1);
}

void *cexit__finalizer_object(cexit_handler handler) {
  if (enter() != 0) return NULL;
  uint32_t index = cexit__pending_index(handler);
  bool known = index != NONE && entry_at(index)->kind == KIND_FINALIZER;
  void *object = known ? cexit__node_object(entry_at(index)->context, swift_tryRetain) : NULL;
  lock_drop();
  return object;
}
