// SPDX-License-Identifier: Apache-2.0
//
// For bindings of other languages and for the Swift layer, in addition to CExitShim.h. For programs CExitShim.h is the
// whole library. These functions are exported in a version node of their own, and may change with any minor version.

#ifndef CEXITBINDING_H
#define CEXITBINDING_H

#include "CExitShim.h"

#ifdef __swift__
#include <pthread.h> // the Swift layer has no other header of libc's
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif
CEXIT_ASSUME_NONNULL_BEGIN

// ---------------------------------------------------------------------------------------------------------
// For language bindings

/// The reason for a call of a closure.
typedef enum CEXIT_ENUM CExitCall {
  CExitCallRelease = 0, ///< Only release the captures: the entry was cancelled.
  CExitCallRun = 1,     ///< Run, and then release the captures.
  CExitCallStep = 2,    ///< As CExitCallRun, but the closure may leave its waiting to the caller of cexit_stack_step.
} CExitCall;

/// A closure as two words, its code and its captures. The entry holds both. `function` is called once.
typedef void (*cexit_closure)(void *CEXIT_NULLABLE context, void *CEXIT_NULLABLE code, CExitCall call);
/// Flag of an entry that cexit_closure_entry made. An entry without this flag has a plain function.
#define CEXIT_CLOSURE 4u
/// Makes an entry for a closure, of phase normal and without a name, for cexit_register_owned. If cexit_register_owned
/// fails, the captures still belong to the caller. A name or file that the caller adds has to outlive the call.
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

/// In a handler of an observed run: gives `outcome` to the observer, which then owns the outcome. False: this thread
/// runs a handler that `observer` does not observe, and `outcome` still belongs to the caller.
CEXIT_API bool cexit_set_outcome(cexit_observer observer, void *CEXIT_NULLABLE outcome);

/// Runs the next handler, in nested stacks, too, and tells `observer` of that handler. False: nothing is pending.
/// For a run that suspends between handlers: between two steps other threads can run the stack.
CEXIT_API bool cexit_stack_step(cexit_stack *CEXIT_NULLABLE stack, cexit_observer observer,
                                void *CEXIT_NULLABLE context);
/// Whether the handler that this thread is running is run by cexit_stack_step.
CEXIT_API bool cexit_is_step(void);

/// cexit_stack_try_run that tells `observer` as cexit_stack_run_observed does.
CEXIT_API int cexit_stack_try_run_observed(cexit_stack *CEXIT_NULLABLE stack, cexit_observer observer,
                                           void *CEXIT_NULLABLE context);
/// Tells the reporter of cexit_on_failure, which another copy of the binding may have set, of a failure that a binding's
/// own handler has reported to the binding. The binding may keep its kind of failure in the upper 16 bits of
/// `failure->flags`. False: no reporter is set.
CEXIT_API bool cexit_report_failure(const cexit_record *failure);

/// In a handler: writes the failure of this handler to the trace, and changes nothing else.
CEXIT_API void cexit_trace_failure(const char *error);
/// Tells the trace that this thread waits from now on, for "main actor" or "task" for example; NULL: the wait is over.
CEXIT_API void cexit_trace_wait(const char *CEXIT_NULLABLE what);

// ---------------------------------------------------------------------------------------------------------
// For the Swift layer: the thread, the main queue and stderr, which Swift cannot reach without Foundation

/// Whether the calling thread is the thread of the main actor, perhaps in the middle of a job.
CEXIT_API bool cexit_main_is_here(void);
/// Whether the calling thread is the thread of the main actor and may drain the main queue: nothing drains the queue
/// yet.
CEXIT_API bool cexit_main_is_idle(void);
/// Runs the items of the main queue. Only where cexit_main_is_idle.
CEXIT_API void cexit_main_drain(void);
/// Puts a call of `function` into the main queue. False: the process has no main queue.
CEXIT_API bool cexit_main_post(void (*function)(void *CEXIT_NULLABLE unused));
/// Makes the Swift executor of this identity and implementation the main actor's executor. Two zeros restore the
/// original.
CEXIT_API void cexit_main_stand_in(uintptr_t identity, uintptr_t implementation);
/// Whether the calling thread runs on the Swift executor of this identity and implementation.
CEXIT_API bool cexit_executor_is_current(uintptr_t identity, uintptr_t implementation);

/// Adds an observer: a thread that calls exit calls `function` before the thread runs handlers or waits for an exit. A
/// job of a handler may run on that thread, and now never ends. `status` is NULL where libc does not tell the status.
/// The same function may be added several times. False: the function was not added.
CEXIT_API bool cexit_observe_exit(void (*function)(const int *CEXIT_NULLABLE status));
/// Removes `function` once. After the removal for the last true of cexit_observe_exit no thread is in `function`.
CEXIT_API void cexit_unobserve_exit(void (*function)(const int *CEXIT_NULLABLE status));

/// Whether this thread runs the handlers of a shared object that is being unloaded.
CEXIT_API bool cexit_is_unloading(void);
/// Waits until each other thread has left its present job, a fifth of a second at most. To be called before the code of
/// a shared object is unmapped.
CEXIT_API void cexit_let_pool_rest(void);

/// True: the main thread waits at the gate of another thread's exit, and stays at the gate until cexit_main_give_back.
/// Until then the calling thread may run the main thread's work. Only one thread at a time can borrow the main thread.
CEXIT_API bool cexit_main_borrow(void);
/// Ends the borrowing: the main thread may become the exiter, and another thread may borrow it.
CEXIT_API void cexit_main_give_back(void);
/// For the thread that runs the exit. True: the main thread slept in the kernel, not for a lock; it sleeps now for ever,
/// and is borrowed as by cexit_main_borrow. Sends the main thread a signal, and waits for the answer, 50 ms if main blocks
/// the signal.
CEXIT_API bool cexit_main_hold(void);
/// Whether the main thread runs the exit, and so never returns to its earlier work.
CEXIT_API bool cexit_main_exits(void);

/// Nanoseconds that a handler of the main actor waits for the main actor, in all copies of the Swift layer. The default
/// is a second.
CEXIT_API void cexit_set_main_grace(uint64_t nanoseconds);
/// The value that cexit_set_main_grace has set; nanoseconds.
CEXIT_API uint64_t cexit_main_grace(void);

/// Whether this library is calling libc's exit on this thread. For a function in front of libc's exit, such as
/// CExitFirst's, which passes all other calls to cexit_exit. Async-signal-safe.
CEXIT_API bool cexit_is_entering_libc(void);

/// For a function that calls cexit_exit for another function: the trace names the caller of the exit by `address`, to which
/// the call returns. cexit_exit names its own caller unless the thread has called this function before; the first call of
/// the thread counts.
CEXIT_API void cexit_exit_called_at(const void *CEXIT_NULLABLE address);
/// Where the calling function returns to. An optimizer inlines this function into the calling one. Code that is not optimized
/// calls this function, and Swift then keeps a frame pointer in each function. NULL: in doubt.
static inline __attribute__((always_inline)) const void *CEXIT_NULLABLE cexit_return_address(bool is_called) {
  if (!is_called) return __builtin_return_address(0);
  const uintptr_t *here = (const uintptr_t *)__builtin_frame_address(0);
  bool is_frame = here[0] > (uintptr_t)here && here[0] - (uintptr_t)here < 4096 && here[0] % sizeof *here == 0;
  return is_frame ? (const void *)((const uintptr_t *)here[0])[1] : NULL;
}

/// A thread that waits for jobs sleeps on a loop. cexit_loop_wake wakes the thread. So does an item in the main queue,
/// if the loop's maker may drain the main queue.
typedef struct cexit_loop cexit_loop;
/// A loop for the calling thread. Never NULL: without memory the loop is a shared, static loop.
CEXIT_API cexit_loop *cexit_loop_create(void);
/// Frees the loop, on which no thread sleeps any more.
CEXIT_API void cexit_loop_destroy(cexit_loop *loop);
/// Wakes the thread that sleeps on the loop; without such a thread, the next wait returns at once. By any thread.
CEXIT_API void cexit_loop_wake(cexit_loop *loop);
/// Sleeps until the loop is woken, or for so many nanoseconds; negative: no limit. May return early.
CEXIT_API void cexit_loop_wait(cexit_loop *loop, int64_t nanoseconds);

/// Values of the calling thread for the Swift layer.
typedef struct cexit_thread {
  void *CEXIT_NULLABLE loop;             ///< The loop that the thread runs.
  bool is_main;                          ///< The thread is the main thread. False before the first check, too.
  bool has_ended;                        ///< The thread has called pthread_exit, and may still exit as the last thread.
  const void *CEXIT_NULLABLE main_actor; ///< The main actor if the thread is the main thread; set by the binding.
} cexit_thread;
/// The values of the calling thread, zero at first. Never NULL.
CEXIT_API cexit_thread *cexit_this_thread(void);

/// A text that reads as these bytes, ends in a zero and stays for ever; NULL where there is none, and the caller makes a
/// copy. A longer text stays if the text is a part of the executable, such as a literal; such a text must not change. Texts
/// of up to 15 bytes stay in a table that has room for some dozens.
CEXIT_API const char *CEXIT_NULLABLE cexit_lasting_text(const char *CEXIT_NULLABLE text, size_t length);

/// How many limits of handlers stay.
#define CEXIT_LASTING_LIMITS 8u
/// So many limits, in milliseconds. A limit stays for ever; 0: the place is free. An entry has no room for a limit, but a
/// binding has a function for each place.
CEXIT_API uint32_t *cexit_lasting_limits(void);
/// The place of a limit that is not 0. CEXIT_LASTING_LIMITS: there is no room for another limit.
static inline uint32_t cexit_lasting_limit(uint32_t milliseconds) {
  uint32_t *limits = cexit_lasting_limits(), place = 0;
  for (; place < CEXIT_LASTING_LIMITS; place++) {
    uint32_t there = __atomic_load_n(&limits[place], __ATOMIC_RELAXED);
    if (there == 0 &&
        __atomic_compare_exchange_n(&limits[place], &there, milliseconds, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      break;
    if (there == milliseconds) break;
  }
  return place;
}

#ifdef __swift__
#if !__has_extension(swiftcc)
#error "the C compiler does not know how Swift calls functions on this processor"
#endif
extern void swift_release(void *CEXIT_NULLABLE object);
extern void swift_nonatomic_release(void *CEXIT_NULLABLE object);
/// Calls a Swift closure of type `() throws -> Void`, and releases the closure. The result is the error, which belongs to
/// the caller; NULL: none. Here and not in Swift, whose compiler retains the closure for the call, and always releases with a
/// locked instruction: the instruction waits for all writes before. A process with one thread does without.
__attribute__((always_inline)) static inline void *CEXIT_NULLABLE cexit_call_swift(void *CEXIT_NULLABLE context,
                                                                                   void *CEXIT_NULLABLE code) {
  typedef __attribute__((swiftcall)) void closure(__attribute__((swift_context)) void *,
                                                  __attribute__((swift_error_result)) void **);
  void *error = NULL;
  ((closure *)code)(context, &error);
#if __has_include(<sys/single_threaded.h>)
  if (__libc_single_threaded) return swift_nonatomic_release(context), error;
#endif
  return swift_release(context), error;
}
#endif

/// Writes to stderr with one write; a closed or broken stderr does not kill the process.
CEXIT_API void cexit_write_line(const char *text, size_t length);

CEXIT_ASSUME_NONNULL_END
#ifdef __cplusplus
}
#endif
#endif
