// SPDX-License-Identifier: Apache-2.0
//
// The exit stack: which entries there are, and which comes next.
//
//            register                take
//   (free) -----------> (pending) ----------> (free), contents with whoever took it: to run, or to release
//
// An entry is pending while its generation is odd; a handle carries the generation it was made with, so one that is
// stale never matches again. Each phase of each stack is a list from newest to oldest. What is taken is off the list
// and its storage free before anything of it is called: that is all that exactly-once needs.

#include "../events/events.h"

static const char phase_order[LISTS] = {CExitPhaseEarly, CExitPhaseNormal, CExitPhaseLate, ASLEEP};

// ---- One entry

// What a forked child is to run must be within its reach: the place of its stack is inherited, too.
static void inherit_place(const cexit_stack *stack) {
  uint32_t index;
  while (stack->parent != NONE && (index = cexit__pending_index((cexit_handler){stack->place})) != NONE) {
    struct entry *place = entry_at(index);
    if (place->inherited) return;
    place->inherited = 1;
    stack_at(place->stack)->inherited++;
    stack = stack_at(place->stack);
  }
}

ALWAYS_INLINE void joined(cexit_stack *stack, unsigned phase, bool inherited) {
  if (phase == ASLEEP) return;
  stack->count++;
  if (LIKELY(!inherited)) return;
  stack->inherited++;
  inherit_place(stack);
}

ALWAYS_INLINE void put_newest(cexit_stack *stack, struct entry *entry, uint32_t index, unsigned phase, bool inherited) {
  uint32_t older = stack->newest[phase];
  entry->newer = NONE;
  entry->older = older;
  if (older != NONE) entry_at(older)->newer = index;
  stack->newest[phase] = index;
  joined(stack, phase, inherited);
}

void cexit__entry_link(cexit_stack *stack, struct entry *entry, uint32_t index) {
  entry->stack = stack->index;
  put_newest(stack, entry, index, entry->phase, entry->inherited);
}

void cexit__entry_link_oldest(cexit_stack *stack, struct entry *entry, uint32_t index, uint32_t oldest) {
  entry->stack = stack->index;
  entry->newer = oldest;
  entry->older = NONE;
  if (oldest != NONE)
    entry_at(oldest)->older = index;
  else
    stack->newest[entry->phase] = index;
  joined(stack, entry->phase, entry->inherited);
}

static inline void unlink_from(cexit_stack *stack, struct entry *entry) {
  uint32_t newer = entry->newer, older = entry->older;
  if (newer != NONE)
    entry_at(newer)->older = older;
  else
    stack->newest[entry->phase] = older;
  if (older != NONE) entry_at(older)->newer = newer;
  bool asleep = entry->phase == ASLEEP, inherited = entry->inherited;
  if (LIKELY(!asleep && !inherited)) {
    stack->count--;
  } else if (!asleep) {
    stack->count--;
    stack->inherited--;
  }
}

void cexit__entry_unlink(struct entry *entry) {
  unlink_from(stack_at(entry->stack), entry);
}

ALWAYS_INLINE uint32_t entry_new(void) { // there is one available
  uint32_t index = cexit__entries.free;
  if (index != NONE)
    cexit__entries.free = entry_at(index)->older;
  else
    index = cexit__entries.fresh++;
  cexit__entries.available--;
  return index;
}

static inline void entry_free(struct entry *entry, uint32_t index) {
  entry->function = NULL;
  entry->context = NULL;                           // or a leak checker would find it here
  if (entry->generation >= UINT32_MAX - 1) return; // retired, or a stale handle could match once more
  entry->older = cexit__entries.free;
  cexit__entries.free = index;
  cexit__entries.available++;
}

void cexit__entry_free(uint32_t index) {
  entry_free(entry_at(index), index);
}

static inline void take(cexit_stack *stack, struct entry *entry, uint32_t index) {
  unlink_from(stack, entry);
  entry->generation++;
  entry_free(entry, index);
}

// Field by field, and before anything is written: a copy of the whole would read in wide words what was written in
// narrow ones just before, and wait until that has reached the cache.
static inline void take_out(cexit_stack *stack, struct entry *entry, uint32_t index, struct entry *out) {
  out->function = entry->function;
  out->context = entry->context;
  out->release = entry->release;
  out->name = entry->name;
  out->file = entry->file;
  out->bits = entry->bits;
  take(stack, entry, index);
}

void cexit__entry_take(uint32_t index, struct entry *out) {
  struct entry *entry = entry_at(index);
  take_out(stack_at(entry->stack), entry, index, out);
}

void cexit__entry_forget(uint32_t index) {
  struct entry *entry = entry_at(index);
  cexit_stack *stack = stack_at(entry->stack);
  if (entry->phase != ASLEEP) {
    stack->foreign--;
    stack->count++; // which taking it takes back
  }
  take(stack, entry, index);
}

void cexit__entry_release(const struct entry *entry) {
  int saved = errno;
  if (entry->is_closure)
    call_closure(entry, CExitCallRelease);
  else if (entry->release != NULL)
    entry->release(entry->context);
  errno = saved;
}

static inline uint32_t pending_index(cexit_handler handler) {
  uint32_t index = (uint32_t)handler.raw, generation = (uint32_t)(handler.raw >> 32);
  if ((generation & 1) == 0 || index >= cexit__entries.fresh) return NONE;
  struct entry *entry = entry_at(index);
  return entry->generation == generation && !is_foreign(entry) ? index : NONE;
}

uint32_t cexit__pending_index(cexit_handler handler) {
  return pending_index(handler);
}

// ---- What is next

static uint32_t newest_of_ours(const cexit_stack *stack, unsigned phase) {
  uint32_t index = stack->newest[phase];
  while (index != NONE && is_foreign(entry_at(index))) {
    if (stack->inherited == 0) return NONE; // the rest of the list is older still
    index = entry_at(index)->older;
  }
  return index;
}

// The stack keeps its own order, whatever the floor: it runs until nothing is left that was registered since.
ALWAYS_INLINE uint32_t next(const cexit_stack *stack, uint32_t floor) {
  if (floor != 0 && floor < cexit__process.yield) floor = cexit__process.yield;
  uint32_t next = NONE;
  for (unsigned i = 0; i < ASLEEP; i++) {
    uint32_t index = newest_of_ours(stack, (unsigned)phase_order[i]);
    if (index == NONE) continue;
    if (next == NONE) next = index;
    if (entry_at(index)->epoch >= floor) return next;
  }
  return NONE;
}

uint32_t cexit__stack_next(const cexit_stack *stack, uint32_t floor) {
  return next(stack, floor);
}

bool cexit__stack_take(cexit_stack *stack, uint32_t floor, struct entry *out) {
  uint32_t index = next(stack, floor);
  if (index == NONE) return false;
  take_out(stack, entry_at(index), index, out);
  return true;
}

// ---- Registering

static inline bool has_place(const cexit_stack *stack) { // one that is nested
  return stack->runner != 0 || pending_index((cexit_handler){stack->place}) != NONE;
}

static inline bool is_ready(const cexit_stack *stack, const void *owner) {
  return LIKELY(cexit__entries.available != 0 && known_owner(owner)->owner == owner && !stack->destroyed &&
                (stack->slots == NULL || stack->slots->stands) && (stack->parent == NONE || has_place(stack)));
}

bool cexit__stack_is_ready(const cexit_stack *stack, const void *owner) {
  return is_ready(stack, owner);
}

int cexit__stack_make_ready(cexit_stack *stack, const void *owner) {
  for (;;) {
    int error = enter();
    if (error != 0) return error;
    bool full = cexit__entries.available == 0, unknown = known_owner(owner)->owner != owner;
    bool gone = stack->destroyed, unarmed = stack->slots != NULL && !stack->slots->stands;
    bool ready = cexit__stack_is_ready(stack, owner);
    lock_drop();
    if (ready) return 0;
    if (gone) return ECANCELED;
    if (full)
      error = cexit__slab_grow(&cexit__entries);
    else if (unknown)
      error = cexit__owner_add(owner);
    else if (unarmed)
      error = cexit__slots_arm(stack->slots);
    else
      error = cexit__stack_place(stack);
    if (error != 0) return error;
  }
}

int cexit__stack_enter_ready(cexit_stack *stack, const void *owner) {
  for (;;) {
    int error = enter();
    if (error != 0) return error;
    if (cexit__stack_is_ready(stack, owner)) return 0;
    lock_drop();
    if ((error = cexit__stack_make_ready(stack, owner)) != 0) return error;
  }
}

// With the stack ready and the lock held, which it drops. Inlined where the entry is made, so that it goes from registers
// to its place: through memory a registration takes half as long again.
ALWAYS_INLINE int push(cexit_stack *stack, cexit_entry from, const void *owner, cexit_handler *out) {
  uint32_t index = entry_new();
  struct entry *entry = entry_at(index);
  uint32_t generation = entry->generation + 1;
  if (out != NULL) out->raw = (uint64_t)generation << 32 | index;
  unsigned phase = (unsigned)from.phase, flags = from.flags, line = from.line;
  *entry = (struct entry){
      .function = from.function,
      .context = from.context,
      .release = from.release,
      .name = from.name,
      .file = from.file,
      .generation = generation,
      .epoch = cexit__process.epoch,
      .stack = stack->index & 0x3FFFFFF,
      .phase = phase & 3,
      .inherited = flags & CEXIT_INHERITED,
      .is_closure = (flags & CEXIT_CLOSURE) != 0,
      .line = line < 1u << 20 ? line & 0xFFFFF : 0,
      .owner = (flags & CEXIT_PINNED) ? 0 : known_owner(owner)->number & 0xFFF,
  };
  put_newest(stack, entry, index, phase, (flags & CEXIT_INHERITED) != 0);
  word_give(&cexit__lock_word);
  return 0;
}

int cexit__entry_push(cexit_stack *stack, const cexit_entry *from, const void *owner, cexit_handler *out) {
  int error = cexit__stack_enter_ready(stack, owner);
  return error != 0 ? error : push(stack, *from, owner, out);
}

// The usual registration calls nothing, so it saves no registers. What is unusual ends in a call that begins anew.
// `locked` says whether that has the lock to let go of.
ALWAYS_INLINE bool is_usual(cexit_stack *stack, const void *owner, bool *locked) {
  *locked = word_try(&cexit__lock_word);
  return LIKELY(*locked && is_here() && is_ready(stack, owner));
}

static __attribute__((noinline)) int push_unusual(cexit_stack *stack, const cexit_entry *entry, const void *owner,
                                                  cexit_handler *out, bool locked) {
  if (locked) lock_drop();
  if ((entry->flags & CEXIT_PINNED) != 0) cexit__owner_pin(owner);
  return cexit__entry_push(stack, entry, owner, out);
}

int cexit__register_owned(cexit_stack *stack, const cexit_entry *entry, const void *owner, cexit_handler *out) {
  if (entry == NULL || entry->function == NULL || (unsigned)entry->phase > CExitPhaseLate ||
      (entry->flags & ~(CEXIT_INHERITED | CEXIT_PINNED | CEXIT_CLOSURE)) != 0)
    return EINVAL;
  if (stack == NULL) stack = PROCESS;
  bool locked = false;
  if ((entry->flags & ~CEXIT_CLOSURE) != 0 || !is_usual(stack, owner, &locked))
    return push_unusual(stack, entry, owner, out, locked);
  cexit_entry from = *entry;
  from.flags &= CEXIT_CLOSURE;
  from.file =
      *(const char *const volatile *)&entry->file; // by itself: two at once are more than the caller wrote at once
  return push(stack, from, owner, out);
}

static void call_plain(void *context) {
  ((void (*)(void))context)();
}

static void call_with_status(void *context, void *function, CExitCall call) {
  int status = 0;
  cexit__exit_status(&status);
  if (call != CExitCallRelease) ((void (*)(int, void *))function)(status, context);
}

static __attribute__((noinline)) int push_plain(cexit_stack *stack, void (*function)(void), const void *owner,
                                                bool locked) {
  return push_unusual(stack, &(cexit_entry){.function = call_plain, .context = (void *)function}, owner, NULL, locked);
}

int cexit__atexit_owned(void (*function)(void), const void *owner) {
  bool locked = false;
  if (function == NULL) return EINVAL;
  if (!is_usual(PROCESS, owner, &locked)) return push_plain(PROCESS, function, owner, locked);
  return push(PROCESS, (cexit_entry){.function = call_plain, .context = (void *)function}, owner, NULL);
}

int cexit__at_quick_exit_owned(void (*function)(void), const void *owner) {
  return function == NULL ? EINVAL : push_plain(QUICK, function, owner, false);
}

int cexit__on_exit_owned(void (*function)(int, void *), void *context, const void *owner) {
  if (function == NULL) return EINVAL;
  cexit_entry entry = cexit_closure_entry(call_with_status, context, (void *)function);
  return cexit__entry_push(PROCESS, &entry, owner, NULL);
}

bool cexit__entry_is_of(const struct entry *entry, const void *function) {
  return (entry->function == call_plain && entry->context == function) ||
         (entry->is_closure && (const void *)entry->function == (const void *)call_with_status &&
          (const void *)entry->release == function);
}

int cexit__reserve(size_t count) {
  if (count > MOST_ENTRIES) return ENOMEM;
  for (;;) {
    int error = enter();
    if (error != 0) return error;
    bool enough = cexit__entries.available >= count;
    lock_drop();
    if (enough) break;
    if ((error = cexit__slab_grow(&cexit__entries)) != 0) return error;
  }
  return cexit__stack_make_ready(PROCESS, NULL);
}

// ---- Handles

bool cexit__is_pending(cexit_handler handler) {
  if (enter() != 0) return false;
  bool pending = cexit__pending_index(handler) != NONE;
  lock_drop();
  return pending;
}

static __attribute__((noinline)) bool give_and_release(cexit_function function, void *context, void (*release)(void *),
                                                       bool is_closure) {
  lock_drop();
  cexit__entry_release(
      &(struct entry){.function = function, .context = context, .release = release, .is_closure = is_closure});
  return true;
}

// With the lock held, which it drops. It calls nothing but at its end, so it saves no registers.
static bool cancel(cexit_handler handler) {
  uint32_t index = pending_index(handler);
  if (index == NONE) {
    word_give(&cexit__lock_word);
    return false;
  }
  struct entry *entry = entry_at(index);
  cexit_function function = entry->function;
  void (*release)(void *) = entry->release;
  void *context = entry->context;
  bool is_closure = entry->is_closure;
  take(stack_at(entry->stack), entry, index);
  if (release != NULL || is_closure) return give_and_release(function, context, release, is_closure);
  word_give(&cexit__lock_word);
  return true;
}

bool cexit__cancel(cexit_handler handler) {
  return (enter_fast() || enter() == 0) && cancel(handler);
}
