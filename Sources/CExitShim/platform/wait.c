// SPDX-License-Identifier: Apache-2.0
//
// Sleeping on a word: Linux futexes.

#include "platform.h"

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// <linux/futex.h> is not where musl's compiler looks.
enum { WAIT = 0, WAKE = 1, PRIVATE = 128 };

#ifdef CEXIT_SCHEDULE
static void wait(const void *word, uint32_t seen, const struct timespec *most) {
  (void)most;
  cexit_schedule_wait(word, seen);
}
#else
static void wait(const void *word, uint32_t seen, const struct timespec *most) {
  int saved = errno;
  syscall(SYS_futex, word, WAIT | PRIVATE, seen, most, NULL, 0);
  errno = saved;
}
#endif

void cexit__futex_wait(const void *word, uint32_t seen) {
  wait(word, seen, NULL);
}

void cexit__futex_wait_for(const void *word, uint32_t seen, uint64_t nanoseconds) {
  wait(word, seen, &(struct timespec){(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)});
}

void cexit__futex_wake(const void *word, int count) {
  int saved = errno;
  syscall(SYS_futex, word, WAKE | PRIVATE, count, NULL, NULL, 0);
  errno = saved;
}

uint64_t cexit__now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}
