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

// To ask again at once would be slower for all: each operation would fetch the lock, the entries and the stack from the
// other thread's core. A thread that waits for microseconds lets the holder do tens of operations with everything in its
// own cache. By the clock, as a pause of the processor takes 10 to 140 cycles. Benchmarks/README.md has the numbers.
enum { TRIES = 5, FIRST_WAIT = 4000 }; // nanoseconds; each wait is twice as long as the one before

static void wait_awake(uint64_t nanoseconds) {
  for (uint64_t begun = cexit__now(); cexit__now() - begun < nanoseconds;) spin_hint();
}

static int take_slowly(_Atomic uintptr_t *word) {
  uintptr_t self = this_thread(), seen;
  for (int i = 0; i < TRIES; i++) {
    seen = atomic_load_explicit(word, memory_order_relaxed);
    if ((seen & ~(uintptr_t)1) == self) return EDEADLK;
    if (seen == 0 &&
        atomic_compare_exchange_weak_explicit(word, &seen, self, memory_order_acquire, memory_order_relaxed))
      return 0;
    wait_awake((uint64_t)FIRST_WAIT << i);
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
