// SPDX-License-Identifier: Apache-2.0
//
// Yield points, for tests alone: where this code is compiled with CEXIT_SCHEDULE, a program that drives threads through
// every order supplies these two functions. Elsewhere a yield point is nothing.

#ifndef CEXIT_SCHEDULE_H
#define CEXIT_SCHEDULE_H

#ifdef CEXIT_SCHEDULE
#include <stdint.h>

#pragma GCC visibility push(default)
extern void cexit_schedule_point(const char *place);                  // the scheduler may let another thread run
extern void cexit_schedule_wait(const uint32_t *word, uint32_t seen); // other threads run until *word != seen
#pragma GCC visibility pop

#define YIELD_POINT(place) cexit_schedule_point(place)
#else
#define YIELD_POINT(place) ((void)0)
#endif

#endif
