// SPDX-License-Identifier: Apache-2.0
//
// Finalizers: entries that run when an object dies, if they have not run before.
//
//   tied to its object  --object dies-->  its deinit runs, then the tie is taken away, and the entry claimed and run
//                       --entry ran or was cancelled otherwise-->  the tie is stale, until the object dies
//
// The entry's claim is what makes it happen once; the tie only says what to claim. No lock is held while anything of a
// user's runs: not a deinit, and not a finalizer.

#include "swift.h"

RUNTIME extern void *swift_unownedRetain(void *object);
RUNTIME extern void swift_unownedRelease(void *object);
RUNTIME extern void swift_unownedRelease_n(void *object, uint32_t count);
RUNTIME extern size_t swift_unownedRetainCount(void *object);
RUNTIME extern void *swift_tryRetain(void *object);
RUNTIME extern bool swift_isDeallocating(void *object);

static _Atomic bool any_unwatched; // since the process began
static cexit_finalizer_delegate delegate;

void cexit__finalizers_set_delegate(cexit_finalizer_delegate given) {
  delegate = given;
}

// ---- Running what is tied

// By its handle, as the finalizer may belong elsewhere. With the lock held; drops the lock.
static void run_at_place(const struct found *found) {
  cexit_handler handler = {(uint64_t)entry_at(found->index)->generation << 32 | found->index};
  uint8_t place = found->place;
  lock_drop();
  if (delegate.run != NULL && (place == CEXIT_ON_ACTOR || (place == CEXIT_ON_MAIN && !cexit__main_is_here())))
    delegate.run(handler.raw, place == CEXIT_ON_MAIN);
  else
    cexit__run(handler);
}

// The thread is busy before it claims a finalizer, or the process could end between the two.
static void run_all(void *context) {
  struct found *found = context;
  int saved = cexit__run_begin();
  struct entry taken;
  do {
    if (!enter_fast() && enter() != 0) break;
    cexit__tie_take(found);
    if (found->index != NONE && found->place != 0)
      run_at_place(found);
    else if (cexit__claim(found->index, &taken))
      cexit__call(&taken, CExitCallRun, NULL, NULL);
  } while (found->more);
  cexit__run_end(saved);
}

// ---- The object dies

// A finalizer may hold the last reference to another object with a finalizer, and so on. Finalizers stand on top of each
// other up to DEEPEST. A deeper one waits in a queue of its thread until the outermost has ended: a chain of any length
// needs the same stack. Without memory for the queue, the finalizer runs at once.
enum { DEEPEST = 32 };

static _Atomic(cexit_departure *) orphans; // of threads that ended; the next thread that runs finalizers takes them

struct cexit_departure {
  void *object;
  size_t unowned;               // its unowned references while it lived
  struct cexit_departure *next; // in the queue of its thread
};

// A deinit that is isolated to an actor may have been put off to its thread. The object's life holds an unowned
// reference to itself until the deinit is over; deinit may drop others, of its children to it, and hardly makes any.
static bool is_over(void *object, size_t unowned) {
  return swift_unownedRetainCount(object) < unowned;
}

static cexit_departure *departure_of(void *object, size_t unowned) { // NULL: no memory
  cexit_departure *departure = malloc(sizeof *departure);
  if (departure != NULL) *departure = (cexit_departure){object, unowned, NULL};
  return departure;
}

static bool put_off(void *object, size_t unowned) {
  if (delegate.wait == NULL || is_over(object, unowned)) return false;
  cexit_departure *departure = departure_of(object, unowned);
  if (departure != NULL) delegate.wait(departure);
  return departure != NULL;
}

static bool enqueue(void *object) {
  cexit_departure *departure = departure_of(object, 0);
  if (departure == NULL) return false;
  struct departures *queue = &cexit__thread.departures;
  if (queue->first == NULL) queue->end = &queue->first;
  *queue->end = departure;
  queue->end = &departure->next;
  return true;
}

static void run_nested(void *object) { // the caller has a reference of its own, which goes
  struct found found = {.object = object, .references = 1};
  cexit__thread.finalizers++;
  if (LIKELY(cexit__thread.end_watched))
    run_all(&found);
  else
    cexit__run_noticed(run_all, &found);
  swift_unownedRelease_n(object, found.references);
  cexit__thread.finalizers--;
}

static COLD void run_queue(void) {
  struct departures *queue = &cexit__thread.departures;
  for (cexit_departure *departure; (departure = queue->first) != NULL; free(departure)) {
    queue->first = departure->next;
    run_nested(departure->object);
  }
}

static COLD bool adopt(void) { // into an empty queue
  struct departures *queue = &cexit__thread.departures;
  queue->first = atomic_exchange(&orphans, NULL);
  for (queue->end = &queue->first; *queue->end != NULL; queue->end = &(*queue->end)->next) continue;
  return queue->first != NULL;
}

static COLD void run_waiting(void) {
  run_queue();
  if (adopt()) run_queue();
}

static void finish(void *object) {
  if (cexit__thread.finalizers >= DEEPEST && enqueue(object)) return;
  run_nested(object);
  bool waiting = cexit__thread.departures.first != NULL || atomic_load_explicit(&orphans, memory_order_relaxed) != NULL;
  if (!LIKELY(!waiting) && cexit__thread.finalizers == 0) run_waiting();
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
  finish(departure->object);
  free(departure);
}

// A reference of this function's keeps the address from becoming another object's, once `deinit` has freed this object.
void cexit__object_dies(void *object, cexit__deinit *deinit, size_t unowned) {
  swift_unownedRetain(object);
  deinit(object);
  if (unowned != 0 && put_off(object, unowned + 1)) return;
  finish(object);
}

static SWIFT_CALL void no_deinit(SWIFT_SELF void *object) {
  (void)object;
}

void cexit__object_died(void *object) {
  cexit__object_dies(object, no_deinit, 0);
}

static COLD void sweep(void) {
  for (struct found found = {0}; enter() == 0; found.references = 0) {
    cexit__tie_take_dead(swift_isDeallocating, &found);
    if (found.index != NONE)
      run_at_place(&found);
    else
      lock_drop();
    if (found.object == NULL) return;
    swift_unownedRelease_n(found.object, found.references);
  }
}

// ---- One finalizer

int cexit__finalizer_add(cexit_stack *stack, void *object, cexit_finalizing *state, const cexit_entry *entry,
                         const void *owner) {
  if (swift_unownedRetain == NULL) return ENOTSUP;
  void *left = NULL;
  uintptr_t word = 0;
  if (atomic_load_explicit(&any_unwatched, memory_order_relaxed)) sweep();
  if (swift_isDeallocating(object)) { // its finalizers have been looked for already, perhaps
    state->prompt = false;
  } else {
    word = (uintptr_t)object | state->place | (state->prompt ? 0 : TIE_SWEPT);
    swift_unownedRetain(object);
  }
  if ((word & TIE_SWEPT) != 0) atomic_store_explicit(&any_unwatched, true, memory_order_relaxed);
  unsigned kind = (entry->flags & CEXIT_CLOSURE) != 0 ? KIND_FINALIZING_CLOSURE : KIND_FINALIZER;
  int error = cexit__register_any(stack != NULL ? stack : PROCESS, entry, owner, &state->handler, kind, word, &left);
  if (error != 0 && word != 0) left = object;
  if (!LIKELY(left == NULL)) swift_unownedRelease(left);
  return error;
}

void *cexit__finalizer_object(cexit_handler handler) {
  if (enter() != 0) return NULL;
  uint32_t index = cexit__pending_index(handler);
  bool known = index != NONE && is_finalizer(entry_at(index)->kind);
  void *object = known ? cexit__tie_object(index) : NULL;
  if (object != NULL) object = swift_tryRetain(object);
  lock_drop();
  return object;
}
