// SPDX-License-Identifier: Apache-2.0
//
// CExitShim: one exit stack for the C and the Swift code of a process.
//
// The problem. atexit(3) takes no argument, cannot cancel, has one order, runs a parent's clean-up in a forked child,
// and before glibc 2.41 loses handlers when two threads call exit.
//
// The idea. An exit stack is a last-in-first-out stack of handlers. The process stack runs when the process exits; this
// library owns the real atexit slot for the process stack. In every call NULL stands for the process stack.
//
//   static void close_log(void *log) { fclose(log); }
//
//   FILE *log = fopen("a.log", "w");
//   cexit_handler handler;
//   cexit_entry entry = {.function = close_log, .context = log, .phase = CExitPhaseLate, .name = "log"};
//   int error = cexit_register(NULL, &entry, &handler);
//   if (error != 0) fprintf(stderr, "log: %s\n", strerror(error));
//   ...
//   cexit_cancel(handler);   // or nothing: then the handler runs at exit
//
// Life of a handler. A registered handler is pending. A pending handler is claimed (taken off the stack) and run, or
// cancelled: one of the two, once. The claim comes before the call, and no lock is held during the call. The `release`
// function is called right after the run or the cancellation, on the same thread.
//
// Order. Early handlers run before normal before late ones; in a phase the newest runs first. A handler that a running
// handler registers runs next. A nested stack is one entry: all handlers of a nested stack run together, at the place
// of that entry.
//
// Life of the exit. A door (cexit_exit, a signal, all ways out with CExitFirst) runs the stack in front of libc's exit.
//
//   a door ----------> the stack runs ------> libc's exit: thread-locals, others' handlers, late entries, stdio
//   exit, return ----> libc's exit: thread-locals, others' newer handlers, the stack, others' older ones, stdio
//
//   exit in a handler, or the end of a thread:  the handler ends, the rest run, the newest status wins
//   exit on another thread during an exit:      that thread waits; every handler runs once, on one thread
//   a registration during an exit:              the entry runs next, as long as entries can run; then ECANCELED
//   fork:                                       the child is not exiting, and has a stack of its own
//
// Errors. A function that can fail returns 0 or an errno value. A function that failed has changed nothing:
//   EINVAL     a NULL function or pointer, an unknown phase or flag
//   ENOMEM     no memory (the first 32 registrations need none)
//   ECANCELED  the exit has gone too far: no handler can run any more
//   EDEADLK    called from a signal handler that interrupted this library; glibc's own atexit hangs in that case
//   ENOSYS     the stack is in another copy of this library, in the same process, that is too old for the function
//
// Copies. An executable and its plugins may each bring this library. All copies share the stack of the copy that is
// used first.
//
// Threads. Every function may be called from any thread at any time, handlers included. None but cexit_is_exiting,
// cexit_exit_status, cexit_exit_signal and cexit_dump is async-signal-safe; from a signal handler the other
// functions work or return EDEADLK. A signal handler may exit in the middle of a call of this library: every accepted
// handler runs. A handler that a run had claimed, a moment before its call, counts as begun. After an exit in the middle of
// a cancellation the release may be left out; in the middle of putting a handler to sleep, the handler may run later than its
// place; in the middle of dlclose, handlers of the object may be left out.
//
// A handler may: register, cancel or run other handlers, call exit (the handler ends, the rest still run, and the last
// status wins), fork, start threads, block. A handler must not: longjmp to a caller, throw a C++ exception, unload the
// code of the handler. Unspecified: on which thread a handler runs, except that the thread exits.
//
// Looking at an exit. Variables of the environment, read once, at the first registration, and not with raised
// privileges:
//   EXITKIT_TRACE=1     a table on stderr when the handlers have run; on a terminal also a line about a handler that runs long
//   EXITKIT_TRACE=FILE  registrations and the exit, as a Chrome trace (Perfetto, speedscope); %p in the name is the process id
//   EXITKIT_SLOW=50ms   a line on stderr for each handler that took longer (us, ms, s)
//   EXITKIT_DUMP=USR1   cexit_dump to stderr on that signal
//
// Not run by: _exit, quick_exit (but see cexit_at_quick_exit), abort, a crash, an uncaught signal, exec.

#ifndef CEXITSHIM_H
#define CEXITSHIM_H

/// The version of this header, as text and as numbers.
#define CEXIT_VERSION "0.1.0"
#define CEXIT_VERSION_MAJOR 0
#define CEXIT_VERSION_MINOR 1
#define CEXIT_VERSION_PATCH 0

// A port says CEXIT_PORT, and brings the functions of platform/.
#if (!defined(__linux__) || defined(__ANDROID__)) && !defined(CEXIT_PORT)
#error "ExitKit supports Linux with glibc or musl, and no other system yet: leave ExitKit out of the build for this one"
#endif

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#if defined(__clang__)
#define CEXIT_ENUM __attribute__((enum_extensibility(closed)))
#define CEXIT_ASSUME_NONNULL_BEGIN                                                                                     \
  _Pragma("clang diagnostic push") _Pragma("clang diagnostic ignored \"-Wnullability-extension\"")                     \
      _Pragma("clang assume_nonnull begin")
#define CEXIT_ASSUME_NONNULL_END _Pragma("clang assume_nonnull end") _Pragma("clang diagnostic pop")
#define CEXIT_NULLABLE _Nullable
#define CEXIT_IN_ORDER
#else
#define CEXIT_ENUM
#define CEXIT_ASSUME_NONNULL_BEGIN
#define CEXIT_ASSUME_NONNULL_END
#define CEXIT_NULLABLE
#define CEXIT_IN_ORDER __attribute__((no_reorder))
#endif
#ifndef CEXIT_API
#define CEXIT_API __attribute__((visibility("default")))
#endif
#define CEXIT_NORETURN __attribute__((noreturn))

#ifdef __cplusplus
extern "C" {
#endif
CEXIT_ASSUME_NONNULL_BEGIN

// Defined by the start-up code of each executable and shared object.
extern void *CEXIT_NULLABLE __dso_handle __attribute__((visibility("hidden")));
/// Names the object that registers, by an address: the handlers of an object have to run before the object is unloaded.
#define CEXIT_OWNER ((const void *)&__dso_handle)

/// When a handler runs, among the handlers of a stack.
typedef enum CEXIT_ENUM CExitPhase {
  CExitPhaseNormal = 0, ///< For most handlers.
  CExitPhaseEarly = 1,  ///< Before all other phases: stop producers of work, such as listeners and threads.
  CExitPhaseLate = 2,   ///< After all other phases: sinks, such as the flush of a log.
} CExitPhase;

/// A forked child runs the entry as well. Without this flag an entry belongs to the process that registered the entry.
#define CEXIT_INHERITED 1u
/// The shared object that registers stays loaded for ever; the entry runs at exit instead of at dlclose.
#define CEXIT_PINNED 2u

/// A handler or a release function: called with its context, without a lock held, on the thread that runs the stack.
typedef void (*cexit_function)(void *CEXIT_NULLABLE context);

/// An exit stack. NULL means the process stack.
typedef struct cexit_stack cexit_stack;

/// One registration; `raw` 0 is none. A handle of a handler that has run or was cancelled is harmless for ever.
typedef struct cexit_handler {
  uint64_t raw; ///< For bindings that keep a handle as a number.
} cexit_handler;

/// A handler to register. Zero every field that is not used.
typedef struct cexit_entry {
  cexit_function CEXIT_NULLABLE function;               ///< Required.
  void *CEXIT_NULLABLE context;                         ///< Passed to both functions.
  void (*CEXIT_NULLABLE release)(void *CEXIT_NULLABLE); ///< Called once, after the run or the cancel.
  CExitPhase phase;
  uint32_t flags;                  ///< CEXIT_INHERITED, CEXIT_PINNED, for bindings CEXIT_CLOSURE.
  const char *CEXIT_NULLABLE name; ///< For reports. Borrowed: lives until `release` was called.
  const char *CEXIT_NULLABLE file; ///< The file of the registration; borrowed like the name.
  uint32_t line;                   ///< Kept up to 262,143; a larger number reads as 0, unknown.
} cexit_entry;

// ---------------------------------------------------------------------------------------------------------
// The process stack, in the words of atexit(3)

/// Runs `function` at exit. Drop-in for atexit(3). Returns 0, EINVAL, ENOMEM, ECANCELED or EDEADLK.
static inline int cexit_atexit(void (*CEXIT_NULLABLE function)(void));

/// At file scope, and with a semicolon: cexit_atexit(function) without a call, made when the executable or the shared
/// object with this line is loaded. In one file the calls come in the order of their lines; files come in the order in
/// which they are linked, a shared object before the objects that need it. The last registered handler runs first. Of a
/// static archive the linker takes only members that other code refers to; the other members register nothing.
/// A registration that fails prints a line on stderr.
#define CEXIT_AT_EXIT(function) CEXIT_AT_EXIT_AS(__COUNTER__, function)

/// Runs `function` at exit with the exit status. Drop-in for on_exit(3). The status is the one current when the
/// handler starts, so an exit called by an earlier handler shows; 0 where libc does not tell the status.
static inline int cexit_on_exit(void (*CEXIT_NULLABLE function)(int status, void *CEXIT_NULLABLE context),
                                void *CEXIT_NULLABLE context);

/// Cancels every pending cexit_atexit and cexit_on_exit entry of that function, on the process stack and on stacks
/// nested in it. Returns how many; 0 for an unknown function, which is no error.
CEXIT_API size_t cexit_unregister(void (*CEXIT_NULLABLE function)(void));

/// Leaves the process with `status`, as exit(3) does, but runs the process stack before libc's exit begins, while
/// everything that handlers use is alive. Of several threads one runs every handler, and the rest wait. In a handler:
/// ends that handler, the rest run, this status wins. In a child made while another thread exits: runs the child's own
/// stack, flushes stdio and ends the child, where libc's exit has a lock (glibc 2.41, musl 1.2.6). With CExitOrder in
/// libc's order.
CEXIT_API CEXIT_NORETURN void cexit_exit(int status);

/// Takes a fresh slot in libc's own list: entries registered after this call run before all handlers that other code
/// gave to libc's atexit before this call. Needed by a handler that uses a C++ static built since the first
/// registration. The order among this library's own entries stays the same. Returns 0, ENOMEM, ECANCELED or EDEADLK.
CEXIT_API int cexit_mark(void);

/// cexit_mark at the next registration, if a registration follows. For code that sees each registration with libc, as
/// the library CExitOrder does: calls before and after keep one order with libc's handlers, and take an unneeded slot
/// back. Keeps the object that this function is part of loaded for ever.
CEXIT_API void cexit_mark_next(void);

/// Sets memory aside: the next `count` registrations cannot fail for want of memory. Returns 0, ENOMEM or EDEADLK.
CEXIT_API int cexit_reserve(size_t count);

/// In a forked child: own all inherited entries, as if this process had registered them. A handle that the parent got
/// works in the child, too, after this call. Returns 0 or EDEADLK; where there was no fork, does nothing.
CEXIT_API int cexit_adopt(void);

/// Runs `function` at quick_exit(3), newest first, on a separate stack. Returns as cexit_atexit.
static inline int cexit_at_quick_exit(void (*CEXIT_NULLABLE function)(void));

// ---------------------------------------------------------------------------------------------------------
// Any stack

/// Registers `entry` on `stack`; `out`, where given, receives the handle.
/// Returns 0, EINVAL, ENOMEM, ECANCELED or EDEADLK.
static inline int cexit_register(cexit_stack *CEXIT_NULLABLE stack, const cexit_entry *CEXIT_NULLABLE entry,
                                 cexit_handler *CEXIT_NULLABLE out);

/// Cancels. True: the handler was pending and will never run, and `release` has been called.
CEXIT_API bool cexit_cancel(cexit_handler handler);
/// Runs the handler now, on this thread. True: the handler was pending and has now run.
CEXIT_API bool cexit_run(cexit_handler handler);
/// cexit_run that calls `function` with `context` in place of the handler's own function; the handler's `release` is
/// called after that, with the handler's own context. For a binding that has claimed a callback of its language and
/// calls the callback in a way of its own, with arguments or for a result.
CEXIT_API bool cexit_run_instead(cexit_handler handler, cexit_function function, void *CEXIT_NULLABLE context);
/// True while neither claimed nor cancelled. False in a forked child for an entry of the parent.
CEXIT_API bool cexit_is_pending(cexit_handler handler);

/// Makes a standalone stack, run by hand. `name` is borrowed and may be NULL. Returns 0, EINVAL, ENOMEM, EDEADLK.
CEXIT_API int cexit_stack_create(const char *CEXIT_NULLABLE name, cexit_stack *CEXIT_NULLABLE *CEXIT_NULLABLE out);
/// Makes a stack that is one normal-phase entry of `parent`, the newest one at this moment. When that entry has run,
/// the next registration on the stack places the stack again, on top. Returns as cexit_register; ELOOP: the stack would
/// be nested in more than 32 stacks. A run needs some 700 bytes of the thread's stack for each: 32 need 24 KiB.
static inline int cexit_stack_nest(cexit_stack *CEXIT_NULLABLE parent, const char *CEXIT_NULLABLE name,
                                   cexit_stack *CEXIT_NULLABLE *CEXIT_NULLABLE out);
/// How many entries are pending. A nested stack is one entry, however many it holds.
CEXIT_API size_t cexit_stack_count(cexit_stack *CEXIT_NULLABLE stack);
/// Runs pending entries until none is left, and returns how many entries this call ran. In a handler of the same stack:
/// runs the rest. While another thread runs the stack: waits for that thread, then runs the rest; but where that thread
/// is waiting for this thread, runs nothing.
CEXIT_API size_t cexit_stack_run(cexit_stack *CEXIT_NULLABLE stack);
/// cexit_stack_run for a caller that must not wait for another thread: a thread with a lock that a handler needs. `ran`,
/// where given, receives how many entries ran. Returns 0; EBUSY: another thread runs the stack, and nothing ran here;
/// EDEADLK. A stack nested in the stack is waited for.
CEXIT_API int cexit_stack_try_run(cexit_stack *CEXIT_NULLABLE stack, size_t *CEXIT_NULLABLE ran);
/// Makes the next run the last, or the one that is at work: until it ends, registrations are accepted and run. After
/// that, and at once where nothing is pending and nobody runs the stack, registrations return ECANCELED. A nested stack
/// is not placed again. Handles, counts and cancels are as ever. Returns 0, EDEADLK or EINVAL: the process stack and
/// that of quick_exit, which an exit closes.
CEXIT_API int cexit_stack_close(cexit_stack *CEXIT_NULLABLE stack);
/// Cancels all pending entries, newest first, also on stacks nested in this stack. Returns how many.
CEXIT_API size_t cexit_stack_clear(cexit_stack *CEXIT_NULLABLE stack);
/// Cancels every pending entry of that name, also on stacks nested in `stack`. Returns how many; 0 for an unknown name.
CEXIT_API size_t cexit_stack_cancel_named(cexit_stack *CEXIT_NULLABLE stack, const char *CEXIT_NULLABLE name);
/// Moves every pending entry of `from` on top of `to`, in the same order and phases; handles stay good. An entry that
/// nests `to` itself stays where it is. Returns how many moved.
CEXIT_API size_t cexit_stack_move(cexit_stack *CEXIT_NULLABLE from, cexit_stack *CEXIT_NULLABLE to);
/// Ends a standalone or nested stack: runs nothing, cancels pending entries. A stack that is destroyed during a run
/// ends after the handler that is running. Stacks nested in the stack become standalone. NULL: does nothing.
CEXIT_API void cexit_stack_destroy(cexit_stack *CEXIT_NULLABLE stack);
/// For a maker that needs the pointer no more. A nested stack that holds something stays in its place, and ends after
/// its run; an empty one leaves, and a standalone one is destroyed. NULL: does nothing.
CEXIT_API void cexit_stack_release(cexit_stack *CEXIT_NULLABLE stack);
/// The stack that runs at quick_exit(3). Never NULL, never destroyed.
CEXIT_API cexit_stack *cexit_quick_stack(void);

/// A handler: the one that has just run, as an observed run reports it, or the one that this thread is running. The
/// strings are good until the observer returns, or until the handler does.
typedef struct cexit_record {
  const char *CEXIT_NULLABLE name;    ///< As registered; NULL: none.
  const char *CEXIT_NULLABLE file;    ///< As registered; NULL: not known.
  uint32_t line;                      ///< As registered; 0: not known.
  uint32_t flags;                     ///< CEXIT_IS_FINALIZER or 0; the upper 16 bits belong to bindings.
  uint64_t nanoseconds;               ///< The time of the run.
  void *CEXIT_NULLABLE outcome;       ///< For bindings: the argument of cexit_set_outcome; NULL: none.
  const char *CEXIT_NULLABLE failure; ///< The message of a cexit_fail, of a handler that still runs; NULL: it has run.
} cexit_record;

#define CEXIT_IS_FINALIZER 1u ///< The entry belongs to an object: messages say "finalizer" in place of "exit handler".

/// Told of a handler that has ended, on the thread that ran the handler, before the next begins.
typedef void (*cexit_observer)(void *CEXIT_NULLABLE context, const cexit_record *record);

/// cexit_stack_run that tells `observer` of each handler right after the run of the handler, also of those of nested
/// stacks, and of each failure when the handler reports the failure (cexit_fail).
CEXIT_API size_t cexit_stack_run_observed(cexit_stack *CEXIT_NULLABLE stack, cexit_observer observer,
                                          void *CEXIT_NULLABLE context);

// ---------------------------------------------------------------------------------------------------------
// Signals and deadlines

/// Makes each of `signals` an exit: handlers run on a thread made for it, libc's too, stdio is flushed, and then the
/// process dies of that very signal, so that its parent sees the truth. Handlers see the status 128 + number.
/// NULL and 0: SIGINT, SIGTERM and SIGHUP. More may be added by another call; the same once more changes nothing.
///
/// A signal that is ignored now, as by nohup, stays ignored. One that is blocked in other threads is taken all the
/// same. A second one ends the process at once, once handlers run and half a second has passed (cexit_set_signal_patience);
/// before that it is part of the same request, as timeout(1) sends it twice. A second SIGHUP never does. When an exit
/// begins, signals that somebody else has taken since are taken back, and a line names a handler that was there.
/// A main thread that sleeps in the kernel, in a sleep, a read or a poll, is stopped there; if a handler waits for a mutex
/// that the main thread has locked, main goes on. A signal that comes in an exit already begun makes the process die of
/// the signal when the exit has come to its end. A disposition that was there before has the signal then, in its place, and in forked
/// children, which may call this themselves. quick_exit and _exit keep their status. The first process of a container,
/// which does not die of its own signals, exits with 128 + number.
///
/// A second thread is made that says what an exit without a deadline still waits for after three seconds; signals work
/// without that thread, too.
///
/// Returns 0; EINVAL: a number that is no signal, that cannot be caught, that does not end a process by default (such
/// as SIGCHLD) or that reports a crash (such as SIGSEGV), and then none was taken; ENOMEM, EAGAIN: no memory, no
/// thread; ECANCELED, EDEADLK.
CEXIT_API int cexit_exit_on_signals(const int *CEXIT_NULLABLE signals, size_t count);

/// How long after the first signal a second one ends the process at once: half a second at first. Returns 0 or EINVAL
/// (beyond INT64_MAX, as a negative number is).
CEXIT_API int cexit_set_signal_patience(uint64_t nanoseconds);
/// That time, in nanoseconds.
CEXIT_API uint64_t cexit_signal_patience(void);

/// Returns, and the process exits with `status` on a thread of the library's own, as after a signal: for a thread that
/// holds what a handler needs. The first request counts. Returns 0, ENOMEM, EAGAIN, ECANCELED or EDEADLK.
CEXIT_API int cexit_request_exit(int status);

/// The signal that the process exits on, and in `sender` the process that sent it; 0 where the kernel did, for a key
/// or a closed terminal. 0: none, so far. Async-signal-safe.
CEXIT_API int cexit_exit_signal(pid_t *CEXIT_NULLABLE sender);

/// Ends the process that many nanoseconds after its exit began: one line on stderr names the handler that is stuck,
/// where it was registered and how long it has run, and how many handlers do not run. The status is the exit's, but 124
/// in place of 0 (cexit_set_timeout_status); after a signal, the process dies of it. Time in which the process was
/// stopped, by Ctrl-Z or a debugger, does not count. 0: no deadline. May be changed at any time, during the exit as well.
/// A forked child has none until it sets one. Returns 0, EINVAL (beyond INT64_MAX, as a negative number is), EAGAIN.
CEXIT_API int cexit_set_deadline(uint64_t nanoseconds);
/// The deadline in nanoseconds; 0: none.
CEXIT_API uint64_t cexit_deadline(void);

/// In a handler: the same for this handler alone, from now on; its release function included. It counts only while the
/// process exits. 0: no limit. Returns 0, EINVAL (also outside of a handler) or EAGAIN.
CEXIT_API int cexit_limit(uint64_t nanoseconds);
/// The status with which a deadline or a limit ends the process where the exit's would be 0: 124 at first, as that of
/// timeout(1). 0: stays 0. Another status of the exit stays, and so does a signal. Returns 0 or EINVAL (not 0 to 255).
CEXIT_API int cexit_set_timeout_status(int status);
/// That status.
CEXIT_API int cexit_timeout_status(void);
/// Gets ready for limits, so that cexit_limit will need no new thread. Returns 0 or EAGAIN.
CEXIT_API int cexit_prepare_limits(void);

// ---------------------------------------------------------------------------------------------------------
// Questions of a handler

/// Whether the process is exiting. Async-signal-safe.
CEXIT_API bool cexit_is_exiting(void);
/// The exit status as it stands. False: not known (before the exit; or a libc that does not tell, such as musl).
CEXIT_API bool cexit_exit_status(int *CEXIT_NULLABLE status);
/// Asks for `status` in place of 0 when the run is over. Skips no handler, and never turns a failure into success. Only
/// the low 8 bits count, as for a parent: 256 is 0.
CEXIT_API void cexit_request_status(int status);
/// The name and the place of the handler that this thread is running. False: this thread is running none, and `record`
/// is as before.
CEXIT_API bool cexit_current(cexit_record *record);

// ---------------------------------------------------------------------------------------------------------
// Failures

/// In a handler: reports that the handler has failed, and why. The handler goes on, and so does the run. An observed run
/// tells its observer; else the reporter of cexit_on_failure is called; else a line on stderr names the handler:
///   ExitKit: error in exit handler "flush" (main.c:12): disk full
/// Swift's ExitReport and onFailure get the same. While the process exits the status follows cexit_set_failure_status.
/// Returns 0 or EINVAL: NULL, or this thread runs no handler.
CEXIT_API int cexit_fail(const char *CEXIT_NULLABLE message);

/// Called on the thread of the handler, without a lock held. The strings are good until it returns.
typedef void (*cexit_reporter)(const cexit_record *failure);

/// Has failures told to `reporter` in place of stderr; also those of Swift handlers, where their copy of the Swift layer
/// has no reporter of its own. The newest call counts, in all copies of the library; NULL: stderr again.
CEXIT_API void cexit_on_failure(cexit_reporter CEXIT_NULLABLE reporter);

/// The status of an exit in place of 0 after a handler has failed; 0, as it is at first: the exit stays 0.
CEXIT_API void cexit_set_failure_status(int status);
/// That status.
CEXIT_API int cexit_failure_status(void);

// ---------------------------------------------------------------------------------------------------------
// Looking at a stack

#define CEXIT_IS_NESTED 16u    ///< A nested stack. The entries of that stack come next, one deeper.
#define CEXIT_IS_ASLEEP 32u    ///< Runs by handle only: a finalizer with a living object. Comes last on the stack.
#define CEXIT_IS_PARENTS 64u   ///< Belongs to a parent of this process, and does not run in this process.
#define CEXIT_IS_FUNCTION 128u ///< `function` is the registered function; else a function of a binding.

/// A pending entry, as cexit_walk shows it. The strings are copies of at most 255 bytes, good until the visitor
/// returns.
typedef struct cexit_pending {
  const char *CEXIT_NULLABLE name; ///< NULL: none.
  const char *CEXIT_NULLABLE file; ///< The file of the registration; NULL: not known.
  uint32_t line;                   ///< 0: not known.
  uint32_t flags;                  ///< CEXIT_INHERITED and the flags CEXIT_IS_ above
  CExitPhase phase;
  uint32_t depth; ///< 0: on the stack that is walked; 1: on a stack nested in that stack, and so on.
  /// The place in the order of the stack, counted from the entry that runs last, which is 1. With one phase and without
  /// cancellations this is the number of the registration. 0: no run comes to this entry.
  size_t number;
  const char *CEXIT_NULLABLE stack;    ///< The name of the stack; NULL: none, or the process stack.
  const void *CEXIT_NULLABLE function; ///< The function that runs.
  const void *CEXIT_NULLABLE owner; ///< The `__dso_handle` of the shared object that the entry leaves with; NULL: none.
  const void *CEXIT_NULLABLE context; ///< The context of the registration; of a nested stack and a binding: its own.
} cexit_pending;

/// Called for an entry, without a lock held, on the thread that walks. False: enough.
typedef bool (*cexit_visitor)(void *CEXIT_NULLABLE context, const cexit_pending *entry);

/// Shows every pending entry to `visitor`, in the order in which they would run; nested ones follow their stack. Needs
/// no memory. The visitor may register, cancel and run. Where it does, and where other threads do at the same time, an
/// entry that comes or leaves is shown or not, and an entry may be shown twice. Returns 0, EINVAL or EDEADLK: the lock
/// could not be had, as in a signal handler that interrupted a call of this library; then an entry may be missing.
CEXIT_API int cexit_walk(cexit_stack *CEXIT_NULLABLE stack, cexit_visitor CEXIT_NULLABLE visitor,
                         void *CEXIT_NULLABLE context);

/// Cancels the entries for which `matches` returns true, in the order of cexit_walk, as cexit_cancel does, and returns
/// how many: those with a context, a function, a prefix of a name. Nested stacks are looked into and stay; `matches` is
/// not asked for the stacks themselves. `matches` is called as a visitor of cexit_walk is. An entry of a parent process
/// stays. 0 for NULL, which is no error.
CEXIT_API size_t cexit_stack_cancel_if(cexit_stack *CEXIT_NULLABLE stack, cexit_visitor CEXIT_NULLABLE matches,
                                       void *CEXIT_NULLABLE context);

/// Writes what the thread that exits is running and what cexit_walk shows of the process stack to the descriptor
/// `file`, an entry a line, as text for people; a function without a name by its object and symbol. Async-signal-safe,
/// and safe in a debugger that has stopped all threads; needs no memory. Where another thread keeps the lock for a
/// tenth of a second the dump does without it, and says so. Returns 0 or the errno value of a write that failed.
CEXIT_API int cexit_dump(int file);

/// The version of the copy of this library that has the stack of this process, such as "0.1.0"; CEXIT_VERSION is the
/// version of the header. Static. NULL: that copy is older than this function.
CEXIT_API const char *CEXIT_NULLABLE cexit_version(void);

// ---------------------------------------------------------------------------------------------------------
// With the object that registers. `owner` is the address of the `__dso_handle` of the object (Swift: `#dsohandle`); NULL:
// of no object. The plain functions are these, with the caller's own object.

/// As cexit_atexit, for the shared object whose `__dso_handle` has the address `owner`; NULL: for no object.
CEXIT_API int cexit_atexit_owned(void (*CEXIT_NULLABLE function)(void), const void *CEXIT_NULLABLE owner);
/// As cexit_on_exit, for the shared object whose `__dso_handle` has the address `owner`; NULL: for no object.
CEXIT_API int cexit_on_exit_owned(void (*CEXIT_NULLABLE function)(int status, void *CEXIT_NULLABLE context),
                                  void *CEXIT_NULLABLE context, const void *CEXIT_NULLABLE owner);
/// As cexit_at_quick_exit, for the shared object whose `__dso_handle` has the address `owner`; NULL: for no object.
CEXIT_API int cexit_at_quick_exit_owned(void (*CEXIT_NULLABLE function)(void), const void *CEXIT_NULLABLE owner);
/// As cexit_register, for the shared object whose `__dso_handle` has the address `owner`; NULL: for no object.
CEXIT_API int cexit_register_owned(cexit_stack *CEXIT_NULLABLE stack, const cexit_entry *CEXIT_NULLABLE entry,
                                   const void *CEXIT_NULLABLE owner, cexit_handler *CEXIT_NULLABLE out);
/// As cexit_stack_nest, for the shared object whose `__dso_handle` has the address `owner`; NULL: for no object.
CEXIT_API int cexit_stack_nest_owned(cexit_stack *CEXIT_NULLABLE parent, const char *CEXIT_NULLABLE name,
                                     const void *CEXIT_NULLABLE owner, cexit_stack *CEXIT_NULLABLE *CEXIT_NULLABLE out);

static inline int cexit_atexit(void (*CEXIT_NULLABLE function)(void)) {
  return cexit_atexit_owned(function, CEXIT_OWNER);
}

static inline int cexit_on_exit(void (*CEXIT_NULLABLE function)(int status, void *CEXIT_NULLABLE context),
                                void *CEXIT_NULLABLE context) {
  return cexit_on_exit_owned(function, context, CEXIT_OWNER);
}

static inline int cexit_at_quick_exit(void (*CEXIT_NULLABLE function)(void)) {
  return cexit_at_quick_exit_owned(function, CEXIT_OWNER);
}

static inline int cexit_register(cexit_stack *CEXIT_NULLABLE stack, const cexit_entry *CEXIT_NULLABLE entry,
                                 cexit_handler *CEXIT_NULLABLE out) {
  return cexit_register_owned(stack, entry, CEXIT_OWNER, out);
}

static inline int cexit_stack_nest(cexit_stack *CEXIT_NULLABLE parent, const char *CEXIT_NULLABLE name,
                                   cexit_stack *CEXIT_NULLABLE *CEXIT_NULLABLE out) {
  return cexit_stack_nest_owned(parent, name, CEXIT_OWNER, out);
}

// The loader's own list of functions, and not the constructor attribute: gcc's link-time optimization turns the order
// of constructors round, but leaves variables of a section in order when told so.
#define CEXIT_AT_EXIT_AS(number, function) CEXIT_AT_EXIT_NUMBERED(number, function)
#define CEXIT_AT_EXIT_NUMBERED(number, function)                                                                       \
  static void cexit_at_exit_##number(void) {                                                                           \
    if (cexit_atexit(function) != 0) fputs("ExitKit: cannot run " #function " at exit\n", stderr);                     \
  }                                                                                                                    \
  CEXIT_IN_ORDER static void (*cexit_at_exit_entry_##number)(void) __attribute__((section(".init_array"), used)) =     \
      cexit_at_exit_##number

CEXIT_ASSUME_NONNULL_END
#ifdef __cplusplus
}
#endif
#endif
