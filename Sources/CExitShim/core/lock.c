// SPDX-License-Identifier: Apache-2.0
//
// The lock. Held for a few dozen instructions: no call and no allocation under the lock.

#include "core.h"

_Atomic uintptr_t cexit__lock_word;

// Linux futexes are 32 bits wide everywhere; the low half of the word holds bit 0 and most bits that differ between
// owners. If two owners share these 32 bits, a waiter misses a change of owner and sleeps on. That is safe: bit 0 makes
// the unlock wake the waiter.
const void *cexit__futex_half(const _Atomic uintptr_t *word) {
#if UINTPTR_MAX > UINT32_MAX && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  return (const char *)word + 4;
#else
  return word;
#endif
}

static inline void spin_hint(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");
#endif
}

static int take_slowly(_Atomic uintptr_t *word) {
  uintptr_t self = this_thread(), seen;
  // Backing off longer and longer lets the holder do several operations with everything in its cache: with two threads
  // that do nothing but register, three times the throughput of asking again at once.
  for (int pauses = 1; pauses <= 256; pauses *= 2) {
    seen = atomic_load_explicit(word, memory_order_relaxed);
    if ((seen & ~(uintptr_t)1) == self) return EDEADLK;
    if (seen == 0 &&
        atomic_compare_exchange_weak_explicit(word, &seen, self, memory_order_acquire, memory_order_relaxed))
      return 0;
    for (int i = 0; i < pauses; i++) spin_hint();
  }
  for (;;) {                // a thread that has slept sets bit 0: other threads may be asleep, too
    cexit__hooks.recover(); // the holder may be a thread of the parent process
    seen = 0;
    if (atomic_compare_exchange_strong_explicit(word, &seen, self | 1, memory_order_acquire, memory_order_relaxed))
      return 0;
    if ((seen & 1) == 0 &&
        !atomic_compare_exchange_strong_explicit(word, &seen, seen | 1, memory_order_relaxed, memory_order_relaxed))
      continue;
    cexit__futex_wait(cexit__futex_half(word), (uint32_t)(seen | 1));
  }
}

int cexit__word_take(_Atomic uintptr_t *word) {
  return LIKELY(word_try(word)) ? 0 : take_slowly(word);
}

void cexit__word_drop(_Atomic uintptr_t *word) {
  word_give(word);
}

void cexit__lock_drop(void) {
  cexit__word_drop(&cexit__lock_word);
}

// The thread that is woken takes longer to come than this thread to take the lock again: some microseconds, or
// milliseconds where all processors are busy.
COLD void cexit__lock_let_others(void) {
  lock_drop();
  for (int i = 0; i < 100 && atomic_load_explicit(&cexit__lock_word, memory_order_relaxed) == 0; i++)
    nanosleep(&(struct timespec){0, 50000}, NULL);
  lock_take(); // no EDEADLK: the lock is not this thread's
}

int cexit__word_wake(_Atomic uintptr_t *word) {
  cexit__futex_wake(cexit__futex_half(word), 1);
  return 0;
}
