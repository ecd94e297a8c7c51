// SPDX-License-Identifier: Apache-2.0
//
// Registering: first everything that the stack needs, then the entry.

#include "push.h"

static inline bool has_place(const cexit_stack *stack) { // of a nested stack
  return stack->runner != 0 || pending_entry((cexit_handler){stack->place}) != NULL;
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

COLD int cexit__stack_enter_ready(cexit_stack *stack, const void *owner, bool locked) {
  for (;; locked = false) {
    int error = locked ? 0 : enter();
    if (error != 0) return error;
    if (cexit__stack_is_ready(stack, owner)) return 0;
    lock_drop();
    if ((error = cexit__stack_make_ready(stack, owner)) != 0) return error;
  }
}

COLD int cexit__entries_open_page_and_give(void) {
  cexit__entries_open_page();
  lock_drop();
  return 0;
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
                            bool locked) {
  if ((entry->flags & ~(CEXIT_INHERITED | CEXIT_PINNED | CEXIT_CLOSURE)) != 0) return EINVAL;
  return push_unusual(stack, entry, owner, out, locked);
}

// With the lock held, on a stack that is ready.
static __attribute__((noinline)) int push_usual(cexit_stack *stack, const cexit_entry *entry, const void *owner,
                                                cexit_handler *out) {
  _Static_assert(KIND_FUNCTION == 0 && CEXIT_CLOSURE >> 2 == KIND_CLOSURE, "the kind of a usual entry is in its flags");
  return push(stack, entry, (unsigned)entry->phase, owner, out, (entry->flags & CEXIT_CLOSURE) >> 2, 0, 0, NULL);
}

static COLD int push_beside(cexit_stack *stack, const cexit_entry *entry, const void *owner,
                            cexit_handler *out) { // on another stack than PROCESS
  if (!cexit__stack_is_ready(stack, owner)) return add_unusual(stack, entry, owner, out, true);
  return push_usual(stack, entry, owner, out);
}

int cexit__register_owned(cexit_stack *stack, const cexit_entry *entry, const void *owner, cexit_handler *out) {
  if (entry == NULL || entry->function == NULL || (unsigned)entry->phase > CExitPhaseLate) return EINVAL;
  if (stack == NULL) stack = PROCESS;
  bool locked = false;
  if ((entry->flags & ~CEXIT_CLOSURE) != 0 || !is_usual(stack, owner, &locked))
    return add_unusual(stack, entry, owner, out, locked);
  if (stack != PROCESS) return push_beside(stack, entry, owner, out);
  if (!LIKELY(cexit__process.process_slots.stands)) return add_unusual(stack, entry, owner, out, locked);
  return push_usual(stack, entry, owner, out);
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
              0, 0, NULL);
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
