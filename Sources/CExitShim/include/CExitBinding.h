// SPDX-License-Identifier: Apache-2.0
//
// What the binding of a language needs beside CExitShim.h, and what the Swift layer does. For everybody else CExitShim.h
// is the whole library. The functions are exported in a version of their own, and may change with any minor version.

#ifndef CEXITBINDING_H
#define CEXITBINDING_H

#include "CExitShim.h"

#ifdef __cplusplus
extern "C" {
#endif
CEXIT_ASSUME_NONNULL_BEGIN

// ---------------------------------------------------------------------------------------------------------
// For language bindings

/// What a closure is called for.
typedef enum CEXIT_ENUM CExitCall {
  CExitCallRelease = 0, ///< To let go of what it captured: it was cancelled.
  CExitCallRun = 1,     ///< To run, and then to let go.
  CExitCallStep = 2,    ///< The same, in cexit_stack_step: what would have to wait may leave that to whoever steps.
} CExitCall;

/// A closure in two words, code and what it captured, which its entry holds. The function is called once.
typedef void (*cexit_closure)(void *CEXIT_NULLABLE context, void *CEXIT_NULLABLE code, CExitCall call);
/// The entry is a closure's, as cexit_closure_entry makes it. Without this flag it is that of a plain function.
#define CEXIT_CLOSURE 4u
/// An entry for a closure, normal and nameless, for cexit_register_owned. What the closure captured stays the caller's
/// where that fails. A name or a file that is added has to outlive the call.
static inline cexit_entry cexit_closure_entry(cexit_closure function, void *CEXIT_NULLABLE context,
                                              void *CEXIT_NULLABLE code) {
  cexit_entry entry = {(cexit_function)(void (*)(void))function,
                       context,
                       (void (*)(void *))(uintptr_t)code,
                       CExitPhaseNormal,
                       CEXIT_CLOSURE,
                       NULL,
                       NULL,
                       0};
  return entry;
}

/// In a handler of an observed run: leaves `outcome` for the observer, which then has it. False: `observer`, which knows
/// what to do with it, is not the one that observes the handler that this thread is running.
CEXIT_API bool cexit_set_outcome(cexit_observer observer, void *CEXIT_NULLABLE outcome);

/// Runs the handler that is next, in nested stacks, too, and tells `observer` of it. False: nothing is pending.
/// For a run that suspends between handlers: it does not hold the stack meanwhile.
CEXIT_API bool cexit_stack_step(cexit_stack *CEXIT_NULLABLE stack, cexit_observer observer,
                                void *CEXIT_NULLABLE context);
/// Whether the handler that this thread is running is run by cexit_stack_step.
CEXIT_API bool cexit_is_step(void);

/// In a handler: tells the trace that this handler failed, and how. Nothing else changes.
CEXIT_API void cexit_trace_failure(const char *error);
/// Tells the trace what this thread waits for from now on, such as "main actor" or "task"; NULL: no longer.
CEXIT_API void cexit_trace_wait(const char *CEXIT_NULLABLE what);

// ---------------------------------------------------------------------------------------------------------
// For the Swift layer: the thread, the main queue and stderr, which Swift cannot reach without Foundation

/// Whether the calling thread is the main actor's, in the middle of one of its jobs perhaps.
CEXIT_API bool cexit_main_is_here(void);
/// Whether it is, and may drain the main queue, if nothing is doing that already.
CEXIT_API bool cexit_main_is_idle(void);
/// Runs what is in the main queue. Only where cexit_main_is_idle.
CEXIT_API void cexit_main_drain(void);
/// Calls `function` from the main queue, some time. False: there is no such queue.
CEXIT_API bool cexit_main_post(void (*function)(void *CEXIT_NULLABLE unused));
/// Makes the Swift executor of that identity and implementation the main actor's, or with two zeros ends that.
CEXIT_API void cexit_main_stand_in(uintptr_t identity, uintptr_t implementation);
/// Whether the calling thread runs on the Swift executor of that identity and implementation.
CEXIT_API bool cexit_executor_is_current(uintptr_t identity, uintptr_t implementation);

/// Has `function` called on a thread that has called exit, before it runs handlers or waits for those who do: a
/// handler's job may have hopped there, and is not going to end. `status` is NULL where libc does not tell. The same
/// function may be added several times. False: it will not be called.
CEXIT_API bool cexit_observe_exit(void (*function)(const int *CEXIT_NULLABLE status));
/// Takes it back, once for each true. After the last time nobody is in a call of `function`.
CEXIT_API void cexit_unobserve_exit(void (*function)(const int *CEXIT_NULLABLE status));

/// Whether this thread runs the handlers of a shared object that is being unloaded.
CEXIT_API bool cexit_is_unloading(void);
/// Waits, a fifth of a second at most, until no other thread is at work for what it was at work for: the code of a shared
/// object is about to go.
CEXIT_API void cexit_let_pool_rest(void);

/// True: the main thread stands at the gate of another thread's exit, and stays there until cexit_main_give_back. Until
/// then the calling thread may run what belongs to the main thread. One thread at a time has it.
CEXIT_API bool cexit_main_borrow(void);
CEXIT_API void cexit_main_give_back(void);
/// Whether the main thread runs the exit, and so does not come back to what it was doing.
CEXIT_API bool cexit_main_exits(void);

/// How many nanoseconds a handler of the main actor waits for the main actor, in all copies of the Swift layer; a second
/// at first.
CEXIT_API void cexit_set_main_grace(uint64_t nanoseconds);
CEXIT_API uint64_t cexit_main_grace(void);

/// Whether this library is calling exit on this thread to enter libc's: for a function that stands in front of libc's
/// exit, as that of CExitFirst, and hands all other calls to cexit_exit. Async-signal-safe.
CEXIT_API bool cexit_is_entering_libc(void);

/// What a thread sleeps on while it runs jobs. cexit_loop_wake wakes it; so does an item in the main queue,
/// where the maker could drain that.
typedef struct cexit_loop cexit_loop;
CEXIT_API cexit_loop *cexit_loop_create(void); // never NULL: without memory, one that all such share
CEXIT_API void cexit_loop_destroy(cexit_loop *loop);
CEXIT_API void cexit_loop_wake(cexit_loop *loop);
CEXIT_API void cexit_loop_wait(cexit_loop *loop, int64_t nanoseconds); // negative: without end; may wake early

/// What the calling thread keeps for the Swift layer.
typedef struct cexit_thread {
  void *CEXIT_NULLABLE loop;             ///< The loop that it runs.
  bool is_main;                          ///< It is the process's main thread, if somebody has asked.
  bool has_ended;                        ///< It has called pthread_exit, and is still there: the last one exits.
  const void *CEXIT_NULLABLE main_actor; ///< The actor that it then is the thread of: the binding's to remember.
} cexit_thread;
CEXIT_API cexit_thread *cexit_this_thread(void);

/// Writes to stderr in one go; a closed or broken stderr is nothing to die of.
CEXIT_API void cexit_write_line(const char *text, size_t length);

CEXIT_ASSUME_NONNULL_END
#ifdef __cplusplus
}
#endif
#endif
