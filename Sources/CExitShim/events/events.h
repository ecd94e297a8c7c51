// SPDX-License-Identifier: Apache-2.0
//
// Events of a process: exit, fork, the end of a thread, unloading, a signal, the last act.

#ifndef CEXIT_EVENTS_H
#define CEXIT_EVENTS_H

#include "../swift/swift.h"
#include "../watch/watch.h"

#pragma GCC visibility push(hidden)

// ---- fork.c, unload.c

void cexit__first_use(void);
bool cexit__recover(void);
void cexit__sweep(void *owner); // libc calls this when the object is unloaded, and at exit

// ---- pass.c

struct way { // out of the process
  struct process_exit *leaving;
  struct slots *slots;
  cexit_stack *stack;
};
extern const struct way cexit__by_exit, cexit__by_quick_exit;
// Returns on the exiter alone. NULL: the status is not known.
void cexit__pass_gate(const struct way *way, const int *status, bool at_slot);

// ---- exit.c

void cexit__process_slot(void *group, int status);
void cexit__owner_slot(void *group, int status); // for as long as an object is loaded
void cexit__quick_slot(void);
void cexit__exit_ends(void); // on a thread that is about to end the process; may wait until another has
void cexit__exit_forked(void);
void cexit__exit_thread_ended(void);
void cexit__long_run(const cexit_stack *stack);

// ---- thread_end.c

void cexit__thread_ended(void *unused);

// ---- hold.c

bool cexit__hold_main(int number); // by this signal; true: the main thread is stopped in a system call
bool cexit__hold_answer(const siginfo_t *info, const void *machine); // in the signal handler; true: that was for this
void cexit__hold_interrupted(const void *machine); // in the signal handler: does not return to an interrupted call
void cexit__hold_forked(void);

// ---- signal_others.c

// In the signal handler. True: a file of this process reads the signal, as a DispatchSource does, and the older disposition
// has the signal now. False: no file reads the signal.
bool cexit__signal_left_to_reader(const struct sigaction *former, int number, siginfo_t *info, void *machine);
void cexit__signal_taken_back(int number, const struct sigaction *from); // prints the name of the handler in `from`

// ---- signals.c  last_act.c

extern _Atomic uint64_t cexit__signals_chosen; // bit n - 1: signal n becomes an exit
void cexit__signals_begin(void);               // an exit begins: takes the chosen signals back from who has them now

void cexit__signals_forked(void);
void cexit__signals_end(void);              // at the very end; if a signal was taken, does not return
int cexit__last_act_prepare(void);          // makes libc call that; 0 or ENOMEM
CEXIT_NORETURN void cexit__end(int status); // flushes and ends the process, without libc's exit
extern _Atomic bool cexit__last_act_made;   // this code stays loaded

#pragma GCC visibility pop
#endif
