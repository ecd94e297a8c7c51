// SPDX-License-Identifier: Apache-2.0
//
// What every file needs of the system, and the lock. Included by internal.h.

#ifndef CEXIT_LOCK_H
#define CEXIT_LOCK_H

#include "../platform/platform.h"
#include "thread.h"

#include <pthread.h>
#pragma GCC visibility push(hidden)

// cexit_x is a public function, defined in forward.c; cexit__x is this copy's own work.
#define CEXIT_SHARED(policy, type, name, parameters, arguments) type cexit__##name parameters;
#define CEXIT_UNSHARED(type, name, parameters, arguments) type cexit__##name parameters;
#include "../copies/api.h"
CEXIT_NORETURN void cexit__exit(int status);

// ---- lock.c: a futex word whose value is its owner, so that re-entry from a signal handler is seen.
// 0: free; else this_thread of its owner, bit 0: somebody sleeps on it.

extern _Atomic uintptr_t cexit__lock_word; // the lock of everything but the finalizers' table

int cexit__word_take(_Atomic uintptr_t *word); // 0 or EDEADLK

// The compiler keeps the writes before this apart from the writes after. Costs no instruction: who may come in between
// is a signal handler of the same thread (repair.c).
#define STEP() atomic_signal_fence(memory_order_seq_cst)
void cexit__word_drop(_Atomic uintptr_t *word);
int cexit__word_wake(_Atomic uintptr_t *word); // 0
void cexit__lock_drop(void);
void cexit__lock_let_others(void); // with the lock held, and held again after

ALWAYS_INLINE bool word_try(_Atomic uintptr_t *word) {
  uintptr_t self = this_thread(), free_word = 0;
  if (SINGLE_THREADED) {
    if (atomic_load_explicit(word, memory_order_relaxed) != 0) return false;
    atomic_store_explicit(word, self, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    return true;
  }
  return atomic_compare_exchange_strong_explicit(word, &free_word, self, memory_order_acquire, memory_order_relaxed);
}

ALWAYS_INLINE bool word_give_up(_Atomic uintptr_t *word) { // true: cexit__word_wake is to follow
  if (!SINGLE_THREADED) return (atomic_exchange_explicit(word, 0, memory_order_release) & 1) != 0;
  atomic_signal_fence(memory_order_seq_cst);
  atomic_store_explicit(word, 0, memory_order_release);
  return false;
}

ALWAYS_INLINE void word_give(_Atomic uintptr_t *word) {
  if (word_give_up(word)) cexit__word_wake(word);
}

// Calls, or the core would be half as large again. Where nanoseconds count, word_try and word_give are inlined.
static inline int word_take(_Atomic uintptr_t *word) {
  return cexit__word_take(word);
}
static inline void word_drop(_Atomic uintptr_t *word) {
  cexit__word_drop(word);
}
static inline int lock_take(void) {
  return cexit__word_take(&cexit__lock_word);
}
static inline void lock_drop(void) {
  cexit__lock_drop();
}
static inline bool lock_is_wanted(void) { // with the lock held: another thread sleeps on it
  return (atomic_load_explicit(&cexit__lock_word, memory_order_relaxed) & 1) != 0;
}
static inline bool lock_is_held_here(void) {
  return (atomic_load_explicit(&cexit__lock_word, memory_order_relaxed) & ~(uintptr_t)1) == this_thread();
}

/// The half of a pointer-sized word that a futex compares.
const void *cexit__futex_half(const _Atomic uintptr_t *word);

#pragma GCC visibility pop
#endif
