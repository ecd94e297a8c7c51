// SPDX-License-Identifier: Apache-2.0
//
// Registering: first everything that the stack needs, then the entry.

#include "../core/stack.h"
#include "exit.h"

static inline bool has_place(const cexit_stack *stack) { // of a nested stack
  return stack->runner != 0 || pending_entry((cexit_handler){stack->place}) != NULL;
}

ALWAYS_INLINE bool is_ready_for_all(const cexit_stack *stack, const void *owner) { // what each registration needs
  return LIKELY(cexit__entries.bits != 0 && known_owner(owner)->owner == owner && !stack->refuses);
}

COLD bool cexit__stack_is_ready(const cexit_stack *stack, const void *owner) {
  if (!is_ready_for_all(stack, owner) || (stack->slots != NULL && !stack->slots->stands)) return false;
  return stack->parent == NONE || has_place(stack);
}

COLD int cexit__stack_make_ready(cexit_stack *stack, const void *owner) {
  for (;;) {
    int error = enter();
    if (error != 0) return error;
    bool full = cexit__entries.bits == 0, unknown = known_owner(owner)->owner != owner;
    bool gone = stack->refuses, unarmed = stack->slots != NULL && !stack->slots->stands;
    bool ready = cexit__stack_is_ready(stack, owner);
    lock_drop();
    if (ready) return 0;
    if (gone) return ECANCELED;
    if (full)
      error = cexit__entries_supply();
    else if (unknown)
      error = cexit__owner_add(owner);
    else if (unarmed)
      error = cexit__slots_arm(stack->slots);
    else
      error = cexit__stack_place(stack);
    if (error != 0) return error;
  }
}

COLD int cexit__stack_enter_ready(cexit_stack *stack, const void *owner) {
  for (;;) {
    int error = enter();
    if (error != 0) return error;
    if (cexit__stack_is_ready(stack, owner)) return 0;
    lock_drop();
    if ((error = cexit__stack_make_ready(stack, owner)) != 0) return error;
  }
}

static COLD int open_page_and_give(void) {
  cexit__entries_open_page();
  lock_drop();
  return 0;
}

// With the stack ready and the lock held; drops the lock. Inlined where the entry is made. What is computed comes first, and
// then each field goes to the entry before the next field is read: so few registers are needed, and hardly any is saved.
// `rarely`: compiled for size.
ALWAYS_INLINE int push(cexit_stack *stack, const cexit_entry *from, unsigned phase, const void *owner,
                       cexit_handler *out, unsigned kind, unsigned flags, bool rarely) {
  struct entry *entry;
  bool inherited = (flags & CEXIT_INHERITED) != 0;
  uint32_t line = from->line;
  uint64_t bits = entry_bits(stack->index, kind, phase, inherited, line < 1u << 18 ? line : 0,
                             (flags & CEXIT_PINNED) ? 0 : known_owner(owner)->number);
  OPAQUE(bits);
  uint32_t index = entry_new(&entry), generation = entry->generation + 1;
  entry->bits = bits;
  entry->function = from->function;
  STEP(); // two words at once are more than the caller wrote at once, and the processor would wait for its store buffer
  entry->context = from->context;
  entry->release = from->release;
  entry->name = from->name;
  STEP();
  entry->file = from->file;
  entry->epoch = cexit__process.epoch;
  if (rarely)
    cexit__entry_link(stack, entry, index);
  else
    put_newest(stack, entry, index, phase, inherited);
  entry->generation = generation; // after the fields: putting takes a step
  if (out != NULL) out->raw = (uint64_t)generation << 32 | index;
  if (!LIKELY(cexit__entries.bits != 0)) return open_page_and_give();
  if (rarely) return lock_drop(), 0;
  return word_give_up(&cexit__lock_word) ? cexit__word_wake(&cexit__lock_word) : 0;
}

COLD int cexit__entry_push(cexit_stack *stack, const cexit_entry *from, const void *owner, cexit_handler *out) {
  int error = cexit__stack_enter_ready(stack, owner);
  if (error != 0) return trace(MOMENT_REFUSED, from), error;
  return push(stack, from, (unsigned)from->phase & 3, owner, out, kind_of(from->flags), from->flags, true);
}

// The usual registration calls nothing but at its end, so no registers are saved. An unusual one ends in a call that starts
// over. `locked` says whether that has the lock to let go of.
ALWAYS_INLINE bool is_usual(cexit_stack *stack, const void *owner, bool *locked) {
  *locked = enter_fast();
  return LIKELY(*locked && is_ready_for_all(stack, owner));
}

static COLD int push_unusual(cexit_stack *stack, const cexit_entry *entry, const void *owner, cexit_handler *out,
                             bool locked) {
  if (locked) lock_drop();
  if ((entry->flags & CEXIT_PINNED) != 0) cexit__pin_object(owner);
  return cexit__entry_push(stack, entry, owner, out);
}

static COLD int add_unusual(cexit_stack *stack, const cexit_entry *entry, const void *owner, cexit_handler *out,
                            unsigned kind, bool locked) {
  cexit_entry unusual = *entry;
  if ((entry->flags & ~(CEXIT_INHERITED | CEXIT_PINNED | CEXIT_CLOSURE)) != 0) return EINVAL;
  unusual.flags |= KIND_FLAG(kind);
  return push_unusual(stack, &unusual, owner, out, locked);
}

// With the lock held, on a stack that is ready.
static __attribute__((noinline)) int push_usual(cexit_stack *stack, const cexit_entry *entry, const void *owner,
                                                cexit_handler *out, unsigned kind) {
  _Static_assert(KIND_FUNCTION == 0 && CEXIT_CLOSURE >> 2 == KIND_CLOSURE, "the kind of a usual entry is in its flags");
  return push(stack, entry, (unsigned)entry->phase, owner, out, kind | (entry->flags & CEXIT_CLOSURE) >> 2, 0, false);
}

static COLD int push_beside(cexit_stack *stack, const cexit_entry *entry, const void *owner, cexit_handler *out,
                            unsigned kind) { // on another stack than PROCESS
  if (!cexit__stack_is_ready(stack, owner)) return add_unusual(stack, entry, owner, out, kind, true);
  return push_usual(stack, entry, owner, out, kind);
}

// `kind`: a kind that callers of the public function cannot name, or KIND_FUNCTION.
static int add(cexit_stack *stack, const cexit_entry *entry, const void *owner, cexit_handler *out, unsigned kind) {
  if (entry == NULL || entry->function == NULL || (unsigned)entry->phase > CExitPhaseLate) return EINVAL;
  if (stack == NULL) stack = PROCESS;
  bool locked = false;
  if ((entry->flags & ~CEXIT_CLOSURE) != 0 || !is_usual(stack, owner, &locked))
    return add_unusual(stack, entry, owner, out, kind, locked);
  if (stack != PROCESS) return push_beside(stack, entry, owner, out, kind);
  if (!LIKELY(cexit__process.process_slots.stands)) return add_unusual(stack, entry, owner, out, kind, locked);
  return push_usual(stack, entry, owner, out, kind);
}

int cexit__register_owned(cexit_stack *stack, const cexit_entry *entry, const void *owner, cexit_handler *out) {
  return add(stack, entry, owner, out, KIND_FUNCTION);
}

int cexit__register_finalizer(cexit_stack *stack, const cexit_entry *entry, const void *owner, cexit_handler *out) {
  return add(stack, entry, owner, out, KIND_FINALIZER);
}

static void call_with_status(void *context, void *function, CExitCall call) {
  int status = 0;
  cexit__exit_status(&status);
  if (call != CExitCallRelease) ((void (*)(int, void *))function)(status, context);
}

static COLD int push_plain(cexit_stack *stack, void (*function)(void), const void *owner, bool locked) {
  cexit_entry entry = {.function = (cexit_function)function, .flags = KIND_FLAG(KIND_ATEXIT)};
  return push_unusual(stack, &entry, owner, NULL, locked);
}

int cexit__atexit_owned(void (*function)(void), const void *owner) {
  bool locked = false;
  if (function == NULL) return EINVAL;
  if (!is_usual(PROCESS, owner, &locked) || !cexit__process.process_slots.stands)
    return push_plain(PROCESS, function, owner, locked);
  return push(PROCESS, &(cexit_entry){.function = (cexit_function)function}, CExitPhaseNormal, owner, NULL, KIND_ATEXIT,
              0, false);
}

int cexit__at_quick_exit_owned(void (*function)(void), const void *owner) {
  return function == NULL ? EINVAL : push_plain(QUICK, function, owner, false);
}

COLD int cexit__on_exit_owned(void (*function)(int, void *), void *context, const void *owner) {
  if (function == NULL) return EINVAL;
  cexit_entry entry = cexit_closure_entry(call_with_status, context, (void *)function);
  entry.flags = KIND_FLAG(KIND_ON_EXIT);
  return cexit__entry_push(PROCESS, &entry, owner, NULL);
}

static bool is_of(const struct entry *entry, const void *function) {
  return is_found_by_function(entry->kind) && cexit__c_function(entry) == function;
}

// All the memory is asked for at once first, so that a call that fails keeps none of it.
static bool is_to_be_had(uint32_t capacity, size_t count) {
  size_t size = 0;
  for (size_t chunk = capacity + FIRST_CHUNK; size < count; chunk *= 2) size += chunk;
  size *= sizeof(struct entry) + 1;
  void *memory = cexit__map(size);
  if (memory != NULL) cexit__unmap(memory, size);
  return memory != NULL;
}

COLD int cexit__reserve(size_t count) {
  if (count > MOST_ENTRIES) return ENOMEM;
  for (bool asked = false;; asked = true) {
    int error = enter();
    if (error != 0) return error;
    uint32_t available = cexit__entries.available, capacity = cexit__entries.capacity;
    lock_drop();
    if (available >= count) break;
    if (!asked && !is_to_be_had(capacity, count - available)) return ENOMEM;
    if ((error = cexit__slab_grow(&cexit__entries)) != 0) return error;
  }
  return cexit__stack_make_ready(PROCESS, NULL);
}

size_t cexit__unregister(void (*function)(void)) {
  return function == NULL ? 0 : cexit__cancel_matching(PROCESS, is_of, (const void *)function);
}
