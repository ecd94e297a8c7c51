// SPDX-License-Identifier: Apache-2.0
//
// Calling one handler. Its frame, on the stack of the thread that runs the handler, says which one that is: to the
// observer of the run, to the deadline's thread, to the handler of a crash and to the trace.

#include "../core/stack.h"
#include "../platform/text.h"
#include "probe.h"
#include "run.h"

_Atomic unsigned cexit__observed;
struct published_frames cexit__frames;

// ---- Frames that another thread reads

COLD uint64_t cexit__awake(void) {
  return cexit__now() - atomic_load(&cexit__frames.stopped);
}

COLD void cexit__frames_tell(void) {
  atomic_store(&cexit__frames.told, cexit__now());
  atomic_fetch_add(&cexit__frames.news, 1);
  if (!SINGLE_THREADED) cexit__futex_wake(&cexit__frames.news, 1);
}

// Two exchanges of one word come one after the other: either this thread sees the reader's, or the reader sees all that
// this thread did before.
void cexit__frames_stay_if_frozen(void) {
  if (SINGLE_THREADED) return; // no reader exists, and the exchange costs more than the rest of a run
  for (uint32_t seen; (seen = atomic_fetch_add(&cexit__frames.frozen, 0)) != 0;)
    cexit__futex_wait(&cexit__frames.frozen, seen);
}

COLD void cexit__frames_freeze(void) {
  atomic_fetch_add(&cexit__frames.frozen, 1);
}

COLD void cexit__frames_thaw(void) {
  atomic_fetch_sub(&cexit__frames.frozen, 1);
  cexit__futex_wake(&cexit__frames.frozen, INT32_MAX);
}

COLD bool cexit__frames_are_the_exiters(void) {
  return atomic_load_explicit(&cexit__frames.exiter, memory_order_relaxed) == &cexit__thread.running;
}

static COLD void find_soonest(void) { // on the exiter
  uint64_t first = 0;
  for (const struct frame *handler = cexit__thread.running; handler != NULL; handler = handler->outer) {
    if (handler->limit != 0 && (first == 0 || handler->limit < first)) first = handler->limit;
  }
  if (first != atomic_load(&cexit__frames.soonest)) atomic_store(&cexit__frames.soonest, first);
}

COLD void cexit__frames_publish_exiter(void) {
  atomic_store(&cexit__frames.exiter, &cexit__thread.running);
  cexit__frames_tell();
}

COLD void cexit__frames_withdraw_exiter(void) {
  if (!cexit__frames_are_the_exiters()) return;
  atomic_store(&cexit__frames.soonest, 0);
  atomic_store(&cexit__frames.exiter, NULL);
  cexit__frames_stay_if_frozen();
}

void cexit__frames_changed(void) {
  if (cexit__frames_are_the_exiters()) find_soonest();
  cexit__frames_stay_if_frozen();
}

COLD void cexit__frames_publish_manual(bool begins) {
  struct frame *_Atomic *here = &cexit__thread.running;
  if (cexit__frames_are_the_exiters()) return;
  if (begins) {
    atomic_store(&cexit__frames.manual, here);
  } else {
    atomic_compare_exchange_strong(&cexit__frames.manual, &here, NULL);
    cexit__frames_stay_if_frozen();
  }
}

COLD void cexit__frames_forked(void) {
  atomic_store(&cexit__frames.told, 0);
  atomic_store(&cexit__frames.soonest, 0);
  atomic_store(&cexit__frames.exiter, NULL);
  atomic_store(&cexit__frames.manual, NULL);
  atomic_store(&cexit__frames.frozen, 0);
}

COLD void cexit__frames_set_limit(uint64_t nanoseconds) {
  struct frame *handler = cexit__thread.running;
  uint64_t time = cexit__awake();
  if (handler->started == 0) handler->started = time;
  handler->limited = time;
  handler->limit = nanoseconds != 0 ? time + nanoseconds : 0;
  if (!cexit__frames_are_the_exiters()) return;
  find_soonest();
  cexit__frames_tell();
}

// ---- One handler

static inline void enter_frame(struct frame *here) {
  atomic_store_explicit(&cexit__thread.running, here, memory_order_release);
}

static inline void leave_frame(struct frame *here, const struct entry *taken) {
  if (!LIKELY(taken->owner == 0)) cexit__use_ends(taken->owner);
  atomic_store_explicit(&cexit__thread.running, here->outer, memory_order_release);
}

// The strings may go with the release, in the middle of which another thread may name the handler.
static COLD void release_observed(struct frame *here) {
  struct entry kept = *here->entry;
  char name[128], file[208];
  kept.name = cexit__text_copy(name, sizeof name, kept.name);
  kept.file = cexit__text_copy(file, sizeof file, kept.file);
  here->entry = &kept;
  cexit__frames_stay_if_frozen();
  kept.release(kept.context);
  leave_frame(here, &kept);
  cexit__frames_stay_if_frozen(); // a reader may have the frame still, and `kept` goes with this function
}

static __attribute__((noinline)) void begin_observed(struct frame *here) {
  here->started = cexit__awake();
  enter_frame(here);
  trace(MOMENT_HANDLER_BEGINS, here);
}

static __attribute__((noinline)) void end_observed(struct frame *here, bool holds) {
  trace(MOMENT_HANDLER_ENDS, here);
  if (here->observer != NULL) {
    cexit_record record;
    cexit__current(&record);
    record.nanoseconds = cexit__awake() - here->started;
    record.outcome = here->outcome;
    here->observer(here->observer_context, &record);
  }
  if (holds)
    release_observed(here);
  else
    leave_frame(here, here->entry);
  if (is_observed(OBSERVED_FOR_TIME)) cexit__frames_changed();
}

static __attribute__((noinline)) void end_and_release(struct frame *here, struct entry *taken) {
  if (here->observer != NULL || is_observed(OBSERVED_FOR_TIME | OBSERVED_FOR_TRACE | OBSERVED_FOR_CRASHES))
    return end_observed(here, true);
  taken->release(taken->context);
  leave_frame(here, taken);
  if (is_observed(OBSERVED_FOR_TIME)) cexit__frames_changed(); // a reader may have come while the release ran
}

// In `here` stands what is the same in each call of a run: `outer`, `call`, `observer_context`.
ALWAYS_INLINE void call_taken(struct frame *here, struct entry *taken, cexit_observer observer) {
  atomic_store_explicit(&here->entry, taken, memory_order_relaxed);
  here->observer = observer;
  memset(&here->outcome, 0, sizeof *here - offsetof(struct frame, outcome));
  if (observer != NULL || is_observed(OBSERVED_FOR_TIME | OBSERVED_FOR_TRACE))
    begin_observed(here);
  else
    enter_frame(here);
  PROBE_BEGIN(taken);
  bool holds = false; // contents: a closure has let go of itself
  enum kind kind = (enum kind)taken->kind;
  if (is_closure(kind)) {
    call_closure(taken, here->call);
  } else if (kind == KIND_ATEXIT) {
    ((void (*)(void))taken->function)();
  } else {
    taken->function(taken->context);
    holds = taken->release != NULL;
  }
  PROBE_END(taken, here->outcome);
  if (!LIKELY(!holds)) return end_and_release(here, taken);
  if (here->observer != NULL || is_observed(OBSERVED_FOR_TIME | OBSERVED_FOR_TRACE)) return end_observed(here, false);
  leave_frame(here, taken);
}

static inline void prepare_frame(struct frame *here, CExitCall call, void *context) { // what each call of a run has
  here->outer = cexit__thread.running;
  here->call = call;
  here->observer_context = context;
}

void cexit__call(struct entry *taken, CExitCall call, cexit_observer observer, void *context) {
  struct frame here;
  prepare_frame(&here, call, context);
  call_taken(&here, taken, observer);
}

bool cexit__call_all(cexit_stack *stack, uint32_t floor, cexit_observer observer, void *context, int error,
                     size_t *ran) {
  int *place = &errno; // the thread's for ever: to ask each time would be a call
  size_t left = LONG_RUN;
  bool locked = true;
  struct entry taken;
  struct frame here;
  prepare_frame(&here, CExitCallRun, context);
  while (locked && (LIKELY(take_usual(stack, floor, &taken)) || cexit__stack_take(stack, floor, &taken))) {
    word_give(&cexit__lock_word);
    YIELD_POINT("a handler is claimed");
    *place = error;
    call_taken(&here, &taken, observer);
    locked = LIKELY(enter_fast()) || enter() == 0;
    if (LIKELY(--left != 0)) continue;
    left = LONG_RUN;
    *ran += LONG_RUN;
    if (locked) cexit__hooks.long_run(stack);
  }
  *ran += LONG_RUN - left;
  return locked;
}

bool cexit__is_step(void) {
  struct frame *here = cexit__thread.running;
  return here != NULL && here->call == CExitCallStep;
}

bool cexit__set_outcome(cexit_observer observer, void *outcome) {
  struct frame *here = cexit__thread.running;
  if (here == NULL || here->observer != observer) return false;
  here->outcome = outcome;
  return true;
}
