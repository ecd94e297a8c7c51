// SPDX-License-Identifier: Apache-2.0
//
// A thread: all that the library remembers of a thread, in one thread-local structure. Its address is the thread's
// identity: pthread_self would be a call. Only the thread itself writes; another thread reads `running` alone.

#ifndef CEXIT_THREAD_H
#define CEXIT_THREAD_H

#include "../platform/platform.h"

#pragma GCC visibility push(hidden)

struct frame;           // run/run.h
struct guard;           // run/guard.c
struct cexit_departure; // swift/finalizer.c

struct thread {
  struct frame *_Atomic running; // the innermost handler that the thread is in; NULL
  unsigned manual_runs;          // manual runs that the thread is in, one inside the other
  unsigned unloads;              // of shared objects whose handlers the thread runs, one inside the other
  unsigned finalizers;           // of dead objects, that the thread is in, one inside the other
  volatile bool
      in_libc;        // the thread is adding to libc's list: a signal handler that comes back for the list's lock would
                      // wait for ever
  bool taking_back;   // __cxa_finalize calls the slots of a group that the thread takes back
  bool at_gate;       // sleeps until the exit of another thread is over
  bool end_watched;   // the end of the thread will be noticed
  int task;           // the kernel's number of the thread, for the trace; 0: not asked for
  uint16_t use_count; // of `used`: the owners of the handlers that the thread is in, but for the executable
  unsigned char unblocked; // crashes that the thread lets through for a run: bit i is crashes[i] of watch/crash.c
  uint16_t used[16];
  cexit_thread swift;  // what the Swift layer keeps
  struct guard *guard; // the innermost, to which an exit in a handler returns; NULL
  void *dying;         // the object for which a deinit hook has called the code of another class; NULL
  struct departures {  // dead objects, whose finalizers run when the outermost finalizer has ended
    struct cexit_departure *first, **end; // `end` is good while `first` is not NULL
  } departures;
  const char *exit_caller; // where the call of the thread's first door returns to; NULL
};
extern PER_THREAD struct thread cexit__thread;
_Static_assert(sizeof(struct thread) <= 128, "glibc has memory for the thread-local variables of few copies");

static inline uintptr_t this_thread(void) {
  return (uintptr_t)&cexit__thread;
}

bool cexit__is_main_thread(void);

// The end of a thread that asked for it calls `ended` on that thread. 0 or an errno value.
int cexit__thread_ends_prepare(void (*ended)(void *));
void cexit__thread_ends_forget(void); // before this code is unloaded
void cexit__watch_main_thread(void);  // if this is the main thread
void cexit__main_thread_ends(void);
bool cexit__main_thread_is_watched(void); // false: has ended, or will end unnoticed
bool cexit__watch_this_thread(void);      // false: the end of the thread will not be noticed

#pragma GCC visibility pop
#endif
