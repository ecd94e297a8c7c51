// SPDX-License-Identifier: Apache-2.0
//
// Calling handlers, and who is running them.

#ifndef CEXIT_RUN_H
#define CEXIT_RUN_H

#include "../core/trace.h"

#pragma GCC visibility push(hidden)

// ---- frame.c

struct frame { // a handler that a thread is in; what another thread reads of a frame is atomic
  struct frame *outer;
  const struct entry *_Atomic entry;
  CExitCall call;
  cexit_observer observer;
  void *observer_context;
  void *outcome;
  _Atomic uint64_t started; // when the handler did; 0: nothing observed its start
  _Atomic uint64_t limited; // when the handler got a limit,
  _Atomic uint64_t limit;   // and when the limit is over; 0: none
};

// Frames that another thread may read: the deadline's, which sleeps on `news`. The reader freezes, then reads. A thread
// takes its frame off, then looks at `frozen`, and stays while the word is not 0: so a frame that is read stands. Threads
// look only while OBSERVED_FOR_TIME is set.
struct published_frames {
  _Atomic(struct frame *_Atomic *) exiter; // where the innermost frame of the exiter is written; NULL
  _Atomic(struct frame *_Atomic *) manual; // the same of a thread in a manual run, for which the exit may have to wait
  _Atomic uint64_t soonest;                // when the first limit of a handler of the exiter is over; 0: none has one
  _Atomic uint64_t stopped;                // how long the process stood still, as Ctrl-Z and debuggers have it
  _Atomic uint32_t news;                   // grows when any of these change
  _Atomic uint64_t told;                   // when `news` grew last
  _Atomic uint32_t frozen;                 // how many readers there are
};
extern struct published_frames cexit__frames;

uint64_t cexit__awake(void); // cexit__now, on a clock that stands still while the process does. Of `started`, `limit`
void cexit__frames_tell(void);
void cexit__frames_freeze(void); // what may be read then: the frames of the exiter, and of a manual run
void cexit__frames_thaw(void);
void cexit__frames_stay_if_frozen(void);        // never returns once the process is being ended
bool cexit__frames_are_the_exiters(void);       // this thread's
void cexit__frames_publish_exiter(void);        // this thread is the exiter
void cexit__frames_withdraw_exiter(void);       // the exiter ends in the middle of the exit
void cexit__frames_publish_manual(bool begins); // a manual run of this thread
void cexit__frames_changed(void);               // this thread has taken frames off
void cexit__frames_forked(void);
void cexit__frames_set_limit(uint64_t nanoseconds); // of the handler that this thread is in; 0: none

void cexit__call(struct entry *taken, CExitCall call, cexit_observer observer, void *context);
enum { LONG_RUN = 1 << 16 }; // after so many handlers a run asks, with the lock held, whether it may go on like that
// With the lock held: all that the stack has, each with that errno. False: the lock could not be had again.
bool cexit__call_all(cexit_stack *stack, uint32_t floor, cexit_observer observer, void *context, int error,
                     size_t *ran);

// ---- run.c  single.c

#define LONG_WAIT 3000000000u           // nanoseconds
void cexit__has_waited(uint64_t since); // after a long wait in an exit, a line names what the exit waits for

void cexit__run_nested(void *stack);                  // the function of an entry that is a stack
int cexit__take_turn(cexit_stack *stack, bool waits); // 0 with the lock and the stack; else an errno value
void cexit__end_turn(cexit_stack *stack);
bool cexit__run_one(cexit_stack *stack);              // the handler that is next; false: none is left
bool cexit__claim(uint32_t index, struct entry *out); // by hand; with the lock held, drops the lock. False: NONE
size_t cexit__run_stack(cexit_stack *stack, uint32_t floor, cexit_observer observer, void *context);
int cexit__run_begin(void); // this thread is busy; returns the caller's errno, for the end
void cexit__run_end(int saved);
bool cexit__thread_is_running(void);  // a stack or a handler
void cexit__thread_leaves_runs(void); // this thread is not coming back to what it runs: finish that or let go
bool cexit__others_run(void);         // another thread runs a handler by hand
bool cexit__wait_for_others(void);    // until no other thread runs a handler by hand; true: it had to wait
cexit_stack *cexit__leave_innermost_run(uintptr_t thread); // takes the thread off, with a reference; NULL: runs none
void cexit__finish_runs_of(uintptr_t thread);              // of another thread, which is not coming back
void cexit__stop_being_busy(void);
void cexit__runs_forked(void);

// ---- guard.c

enum return_kind { CAME_BACK, THREAD_ENDED, EXITED_AGAIN }; // of a handler of the run; of cexit__guard_return
enum return_kind cexit__guarded(void (*function)(void *), void *context, const void *run);
// Calls the function without a guard. If the thread ends meanwhile, that is noticed.
void cexit__run_noticed(void (*function)(void *), void *context);
bool cexit__guard_can_return(const void *run, unsigned depth); // to the guard of `run`, if it is at least so deep
CEXIT_NORETURN void cexit__guard_return(void);

#pragma GCC visibility pop
#endif
