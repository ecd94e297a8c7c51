// SPDX-License-Identifier: Apache-2.0
//
// What the files of the benchmark share.

#ifndef BENCH_H
#define BENCH_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <CExitShim.h>

enum { MILLION = 1000000 };

/// Measures `name` in this process, which is a fresh one, and prints the number. How it ends is up to the measure.
/// False: there is no such measure.
bool measure(const char *name);

/// How many instructions that lock the bus a warm registration and its cancellation execute; negative: not to be told.
int count_atomics(void);

uint64_t clock_now(void); // nanoseconds, monotonic

#endif
