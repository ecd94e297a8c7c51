// SPDX-License-Identifier: Apache-2.0
//
// Calling handlers, and who is running them.

#ifndef CEXIT_RUN_H
#define CEXIT_RUN_H

#include "../core/core.h"

#pragma GCC visibility push(hidden)

// ---- frame.c

struct frame { // a handler that this thread is in; what another thread reads of it is atomic
  struct frame *outer;
  const struct entry *_Atomic entry;
  CExitCall call;
  cexit_observer observer;
  void *observer_context;
  void *outcome;
  _Atomic uint64_t started; // when it did; 0: nobody asked for it then
  _Atomic uint64_t limited; // when it got a limit,
  _Atomic uint64_t limit;   // and when that is over; 0: it has none
};
void cexit__call(struct entry *taken, CExitCall call, cexit_observer observer, void *context);
// With the lock held: all that the stack has, each with that errno. False: the lock could not be had again.
bool cexit__call_all(cexit_stack *stack, uint32_t floor, cexit_observer observer, void *context, int error,
                     size_t *ran);
uint64_t cexit__now(void); // nanoseconds on the clock that nobody sets

// ---- run.c

size_t cexit__run_stack(cexit_stack *stack, uint32_t floor, cexit_observer observer, void *context);
bool cexit__thread_is_running(void);           // a stack or a handler
void cexit__thread_leaves_runs(void);          // this thread is not coming back to what it runs: finish that or let go
bool cexit__others_run(void);                  // another thread runs a handler by hand
bool cexit__wait_for_others(void);             // until no other thread runs a handler by hand; true: it had to wait
cexit_stack *cexit__leave_innermost_run(void); // takes this thread off it, with a reference to it; NULL: it runs none
void cexit__stop_being_busy(void);
void cexit__runs_forked(void);

#pragma GCC visibility pop
#endif
