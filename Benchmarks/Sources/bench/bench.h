// SPDX-License-Identifier: Apache-2.0
//
// Declarations that the files of the benchmark share.

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
bool measure_wear(const char *name); // the same, of wear.c

/// A row of the table of sizes; NULL: there are no more.
const char *size_name(size_t row);
/// Prints the nanoseconds that each of `count` elements takes in the measure of `row`.
void measure_size(size_t row, size_t count);

/// How many instructions that lock the bus a warm registration and its cancellation execute; negative: not to be told.
int count_atomics(void);

uint64_t clock_now(void);           // nanoseconds, monotonic
double resident(void);              // memory of this process, in bytes
_Noreturn void tell(double number); // prints the number, and ends the process without running handlers
_Noreturn void tell_each(uint64_t since, size_t count);

#endif
