// SPDX-License-Identifier: Apache-2.0
//
// How a thread sleeps until another thread wakes it: on a word, by Linux futexes, or on libdispatch's main queue. And the
// clock.

#include "platform.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// <linux/futex.h> is not where musl's compiler looks.
enum { WAIT = 0, WAKE = 1, PRIVATE = 128 };

// Seconds and nanoseconds as this call takes them: on a machine of 32 bits the program's timespec may be wider.
typedef long kernel_time[2];

#ifdef CEXIT_SCHEDULE
static void wait(const void *word, uint32_t seen, const long *most) {
  (void)most;
  cexit_schedule_wait(word, seen);
}
#else
static void wait(const void *word, uint32_t seen, const long *most) {
  int saved = errno;
  syscall(SYS_futex, word, WAIT | PRIVATE, seen, most, NULL, 0);
  errno = saved;
}
#endif

void cexit__futex_wait(const void *word, uint32_t seen) {
  wait(word, seen, NULL);
}

void cexit__futex_wait_for(const void *word, uint32_t seen, uint64_t nanoseconds) {
  wait(word, seen, (kernel_time){(long)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)});
}

void cexit__futex_wake(const void *word, int count) {
  int saved = errno;
  syscall(SYS_futex, word, WAKE | PRIVATE, count, NULL, NULL, 0);
  errno = saved;
}

// ---- The main queue

// Made for CFRunLoop, hence the name. On Linux the handle is an eventfd.
extern int _dispatch_get_main_queue_handle_4CF(void) __attribute__((weak, visibility("default")));

bool cexit__has_main_queue(void) {
  return _dispatch_get_main_queue_handle_4CF != NULL;
}

void cexit__main_queue_wake(void) {
  uint64_t one = 1;
  int handle = _dispatch_get_main_queue_handle_4CF();
  while (write(handle, &one, sizeof one) < 0 && errno == EINTR) continue;
}

void cexit__main_queue_wait(uint64_t nanoseconds) {
  struct timespec time = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};
  uint64_t count;
  int handle = _dispatch_get_main_queue_handle_4CF();
  if (ppoll(&(struct pollfd){.fd = handle, .events = POLLIN}, 1, &time, NULL) <= 0) return;
  while (read(handle, &count, sizeof count) < 0 && errno == EINTR) continue;
}

// ---- The clock

uint64_t cexit__now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}
