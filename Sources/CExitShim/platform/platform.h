// SPDX-License-Identifier: Apache-2.0
//
// What the library asks of the system and of libc: the contract of a port, which touches no other room. A port writes six
// files a second time, in the order of this page: wait.c, memory.c, signal.c, tasks.c, loader.c, libc.c. It leaves stderr.c,
// symbol.c and text.c alone, which need no more than POSIX and ELF. `make port` proves both by compiling for FreeBSD.
//
// Each function keeps errno, allocates nothing, and may be called in a signal handler, unless said.

#ifndef CEXIT_PLATFORM_H
#define CEXIT_PLATFORM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE // before any header of the system
#endif
#include "schedule.h"

#include "../include/CExitBinding.h"
#include "../include/CExitFinalizer.h"

#include <stdatomic.h>

// libc tells whether the process has one thread; without that, every operation takes the slower way.
#if defined(__has_include)
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define SINGLE_THREADED __libc_single_threaded
#endif
#endif
#ifndef SINGLE_THREADED
#define SINGLE_THREADED 0
#endif

#define COLD __attribute__((cold, noinline)) // compiled for size, where the rest of the file is compiled for speed
// A large table of zeros, not static: the linker puts such tables behind all other variables. So the variables that each
// process writes share two pages, and the start of a process faults two pages in, not ten.
#define TABLE __attribute__((common, visibility("hidden")))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define ALWAYS_INLINE static inline __attribute__((always_inline)) // where a call would cost a tenth of a registration

// Part of libc, declared by no header of it, or not by all: the C++ ABI's atexit, of which atexit itself is made.
#pragma GCC visibility push(default)
extern int __cxa_atexit(void (*function)(void *), void *argument, void *object);
extern void __cxa_finalize(void *object);
extern char **environ;
#pragma GCC visibility pop

// glibc makes a thread's copy of other models at first use, which may be in a signal handler. musl makes the copy with the
// thread, and does not load an object that asks for this model.
#ifdef __GLIBC__
#define PER_THREAD _Thread_local __attribute__((tls_model("initial-exec")))
#else
#define PER_THREAD _Thread_local
#endif

// Signals that POSIX does not know and that no exit may begin with, as bits: they end no process, or a crash raises them.
#define REFUSED_BEYOND_POSIX ((uint64_t)1 << (SIGWINCH - 1))

// What a libc does, where the code that asks is to cost nothing.
#ifdef __GLIBC__
enum {
  LIBC_TELLS_STATUS = true,   // libc passes the status to a function of __cxa_atexit, as the second argument
  LIBC_EXITS_IN_CHILD = true, // in a child of fork, the thread that was in libc's exit may enter libc's exit again
  LOADER_LOCKS_WALKS = true,  // see cexit__within_walk
};
#else
enum {
  LIBC_TELLS_STATUS = false,
  LIBC_EXITS_IN_CHILD = false, // musl knows a thread by a number that changes at the fork
  LOADER_LOCKS_WALKS = false,
};
#endif

#pragma GCC visibility push(hidden)

// ---- wait.c: sleeping on a word of 32 bits, or on libdispatch's main queue; the clock.

void cexit__futex_wait(const void *word, uint32_t seen); // while *word == seen; may return early
void cexit__futex_wait_for(const void *word, uint32_t seen, uint64_t nanoseconds); // the same, at most that long
void cexit__futex_wake(const void *word, int count);
bool cexit__has_main_queue(void);                  // false: the program has no libdispatch. The next two need one
void cexit__main_queue_wait(uint64_t nanoseconds); // until an item arrives, or a thread wakes the queue
void cexit__main_queue_wake(void);
uint64_t cexit__now(void); // nanoseconds on a clock that nobody sets

// ---- memory.c

void *cexit__map(size_t size); // zeroed memory; NULL: none is to be had
void cexit__unmap(void *memory, size_t size);
void cexit__forget_memory(void *memory, size_t size); // gives it back, to be zeros when it is touched again; or nothing
// A word that reads `value` in this process and 0 in every child that gets a copy of its memory, however that was made.
// NULL: the kernel offers no such thing (before Linux 4.14).
_Atomic uint32_t *cexit__map_wiped(uint32_t value);
void cexit__unmap_wiped(_Atomic uint32_t *word);
struct mapping {                // of memory that belongs together
  uintptr_t begin, end, offset; // `offset`: of `begin`, in the file
  char rights[4];               // "rwxp", or - in the place of a right that is missing
  char path[512];               // of the file; empty: no file
};
bool cexit__find_mapping(uintptr_t address, struct mapping *out); // false: none, or not known. Changes errno
// The first address may be written to, and the second holds code; false if in doubt. Changes errno.
bool cexit__memory_permits(uintptr_t writing, uintptr_t executing);

// ---- signal.c

static inline int signal_now(int number, struct sigaction *now) { // the disposition; 0, or -1 for a number of no signal
  return sigaction(number, NULL, now);
}
static inline void signal_set(int number, const struct sigaction *action) {
  sigaction(number, action, NULL);
}
// The signal's disposition is this handler, which is told the number alone: SIG_DFL, SIG_IGN, or another.
bool cexit__is_plain(const struct sigaction *action, void (*handler)(int));
typedef void cexit__signal_handler(int number, siginfo_t *info, void *machine);
bool cexit__is_handler(const struct sigaction *action, cexit__signal_handler *handler);
int cexit__handle(int number, cexit__signal_handler *handler, int flags); // from now on; 0 or an errno value
// Gives the signal its former disposition, unless a handler of the program's has taken the place of this one.
void cexit__give_back(int number, cexit__signal_handler *handler, const struct sigaction *former);
void cexit__raise(int number);                      // on this thread, blocked or not
bool cexit__raise_on(int task, int number);         // on another thread; false: not sent
void cexit__raise_here(int number);                 // on this thread, unblocked
CEXIT_NORETURN void cexit__die_of(int number);      // by the signal's default; where the process lives on, 128 + number
void cexit__send_anew(int number, siginfo_t *info); // on this thread, as the handler was told of the signal
pid_t cexit__sender(const siginfo_t *info);         // the process that sent the signal; 0: no process
bool cexit__is_sent(const siginfo_t *info);         // else an instruction raised the signal
bool cexit__is_from_raise_on(const siginfo_t *info); // and not from a call of the program's
// The handler has interrupted a call of the kernel: a sleep, a read or the like, not the wait for a lock. False if in doubt.
bool cexit__interrupted_a_call(const void *machine);
bool cexit__signal_has_reader(int number); // a file of this process reads the signal, by signalfd; false if in doubt

// ---- tasks.c: threads of this process by the kernel's numbers.

int cexit__task(void);                       // the calling thread's
int cexit__main_task(void);                  // the main thread's
bool cexit__shares_memory_with(int process); // this process runs in that one's memory, as after vfork; true if in doubt
bool cexit__task_has_ended(int task);        // false if in doubt
bool cexit__task_is_asleep(int task);      // in a sleep, a read, a poll or the like, not for a lock. False if in doubt
uintptr_t cexit__task_sleeps_on(int task); // the word of cexit__futex_wait, or of a lock of libc's; 0: not known
bool cexit__task_waits_for_lock_of(int task, int owner); // a mutex. False if in doubt
bool cexit__main_thread_has_ended(void);                 // false if in doubt. Not in a signal handler
bool cexit__threads_are_at_most(unsigned count);         // the main thread counts, though it has ended
void cexit__let_pool_rest(void); // until each other thread is seen asleep, 200 ms at most. Not in a signal handler

// ---- loader.c: takes a lock of the loader's; not in a signal handler.

void cexit__pin_object(const void *address); // keeps the object that holds the address loaded for ever
void cexit__pin_path(const char *path);      // the same by its file; an empty path is the executable
void cexit__pin(void);                       // the object that this code is part of
bool cexit__is_pinned(void);                 // by cexit__pin
bool cexit__is_in_executable(const void *address);
size_t cexit__executable(uintptr_t *begin); // how many bytes the executable has in memory, from there on; 0: not known
bool cexit__are_in_one_object(const void *one, const void *other); // false if in doubt
// Calls the function, and meanwhile no other thread is in such a function, nor loads or unloads an object. Where the loader
// has no lock for that (LOADER_LOCKS_WALKS), objects are never unloaded, and new objects come last.
void cexit__within_walk(void (*function)(void *), void *context);
// Puts a note into the object that this code becomes part of: the distance to the structure, which the linker computes.
// Owner, length of the contents, type, contents.
#define NOTE_OWNER "CExitShim"
#define CARRY_NOTE(structure)                                                                                          \
  __asm__(".pushsection .note.CExitShim, \"a\", %note\n"                                                               \
          ".balign 4\n"                                                                                                \
          ".long 10, 4, 1\n"                                                                                           \
          ".asciz \"" NOTE_OWNER "\"\n"                                                                                \
          ".balign 4\n"                                                                                                \
          ".long " #structure " - .\n"                                                                                 \
          ".popsection\n")
// Each structure with such a note, and the path of its object: empty for the executable. True: the search ends.
typedef bool cexit__note_found(const void *structure, const char *path, void *context);
bool cexit__each_note(cexit__note_found *found, void *context); // in the loader's order; true: the search was ended
// A function of libc's list that returns there was called by __cxa_finalize, for an object that is unloaded; false: by exit.
bool cexit__is_unloading_call(const void *return_address);
enum libc_object { NEITHER, LIBC, LOADER };
enum libc_object cexit__libc_object(uintptr_t address); // whose data that is. Takes a lock of the loader for a moment

// ---- libc.c: exit, streams, and the end of a thread.

bool cexit__libc_refuses_late(void); // a handler that is registered when the last one has run
bool cexit__libc_exits_again(void);  // libc bears an exit by the thread that is in its exit
bool cexit__libc_locks_exit(void);   // a thread in libc's exit lets no other in, for ever
#ifdef __GLIBC__
ALWAYS_INLINE bool cexit__libc_hangs_late(void) { // a handler that is added after the last one waits for ever
  return false;
}
#else
bool cexit__libc_hangs_late(void);
#endif
// libc calls the function once all handlers have run and all streams are flushed, and also by fcloseall; false: no memory.
bool cexit__libc_calls_last(void (*function)(void));
void cexit__streams_unlock(void); // in that function: other threads may come as far
void cexit__streams_lock(void);
void cexit__let_go_of_stdin(void); // so that libc's exit does not wait for a thread that reads standard input
// Calls the function. True: the function ended this thread, and the thread stays. Not in a signal handler.
bool cexit__thread_stays(void (*function)(void *), void *context);
const char *cexit__program_name(void);

// ---- stderr.c, which a port leaves alone

// Writes all of the text, or as much as fits within a fifth of a second. Raises no SIGPIPE, does not stop for SIGTTOU.
void cexit__write_to(int file, const char *text, size_t length);

#pragma GCC visibility pop
#endif
