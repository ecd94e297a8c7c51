// SPDX-License-Identifier: Apache-2.0
// A sum on several threads. libgomp keeps its threads from one parallel region to the next.

#include "real-library.h"

#include <omp.h>

static long sum(void) {
  long total = 0;
#pragma omp parallel for num_threads(4) reduction(+ : total)
  for (long i = 1; i <= 1000; i++) total += i;
  return total;
}

static void begin(void) {
  CHECK(sum() == 500500);
}

static void use(void) {
  int threads = 0;
  long total = sum();
#pragma omp parallel num_threads(4)
#pragma omp single
  threads = omp_get_num_threads();
  say("handler: %ld on %d threads\n", total, threads);
}
