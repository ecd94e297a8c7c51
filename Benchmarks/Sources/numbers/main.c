// SPDX-License-Identifier: Apache-2.0
//
// What the order of registration would cost without a lock. Each thread has a list of its own, and each registration takes a
// number; a run would join the lists by the numbers. A pair here is a registration at the head of such a list, and its
// cancellation, claimed as another thread could claim it: less than the library does for a pair. Prints nanoseconds of all
// threads for one pair, the least of nine, on one thread and on two.
//
//   counter   a word that all threads count up
//   system    clock_gettime(CLOCK_MONOTONIC), of which Linux says that it never goes back, on no core
//   processor rdtscp. Whether two cores agree depends on the machine, and a program cannot tell

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

enum { PAIRS = 2000000, ENTRIES = 64, TRIES = 9, THREADS = 2 };

struct entry {
  _Alignas(64) _Atomic uint64_t generation;
  uint64_t number;
  struct entry *older;
  void *function, *context;
};

static _Alignas(64) _Atomic uint64_t counter;
static pthread_barrier_t together;
static int threads;

static uint64_t system_time(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t none(void) {
  return 0;
}
static uint64_t count(void) {
  return atomic_fetch_add_explicit(&counter, 1, memory_order_acq_rel);
}
#if defined(__x86_64__)
static uint64_t processor_time(void) {
  unsigned core;
  return __rdtscp(&core); // waits for the reads before
}
#endif

static const struct way {
  const char *name;
  uint64_t (*number)(void);
} ways[] = {{"none", none},
            {"counter", count},
            {"system", system_time},
#if defined(__x86_64__)
            {"processor", processor_time},
#endif
};
static const struct way *way;
static double took[THREADS];

static void *make_pairs(void *place) {
  struct entry entries[ENTRIES], *newest = NULL;
  memset(entries, 0, sizeof entries);
  pthread_barrier_wait(&together);
  uint64_t start = system_time();
  for (int i = 0; i < PAIRS / threads; i++) {
    struct entry *entry = &entries[i % ENTRIES];
    uint64_t generation = atomic_load_explicit(&entry->generation, memory_order_relaxed) + 1;
    entry->number = way->number();
    entry->function = entry->context = place;
    entry->older = newest;
    newest = entry;
    atomic_store_explicit(&entry->generation, generation, memory_order_release);
    if (atomic_compare_exchange_strong(&entry->generation, &generation, generation + 1)) newest = entry->older;
  }
  *(double *)place = (double)(system_time() - start) / PAIRS;
  return NULL;
}

static double least(int number) {
  double least = 1e9;
  threads = number;
  pthread_barrier_init(&together, NULL, (unsigned)number);
  for (int try = 0; try < TRIES; try++) {
    pthread_t started[THREADS];
    for (int i = 0; i < number; i++) pthread_create(&started[i], NULL, make_pairs, &took[i]);
    double longest = 0;
    for (int i = 0; i < number; i++) {
      pthread_join(started[i], NULL);
      if (took[i] > longest) longest = took[i];
    }
    if (longest < least) least = longest;
  }
  pthread_barrier_destroy(&together);
  return least;
}

int main(void) {
  printf("%-12s %10s %12s %8s\n", "number", "one thread", "two threads", "ratio");
  for (way = ways; way < ways + sizeof ways / sizeof *ways; way++) {
    double one = least(1), two = least(2);
    printf("%-12s %7.1f ns %9.1f ns %8.2f\n", way->name, one, two, two / one);
  }
  return 0;
}
