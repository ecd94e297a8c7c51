// SPDX-License-Identifier: Apache-2.0
//
// What the library asks of the system and of libc. A port supplies these functions and touches no other room; each says
// what the rest relies on. Each keeps errno, allocates nothing, and may be called in a signal handler, unless said.

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
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define ALWAYS_INLINE static inline __attribute__((always_inline)) // where a call would cost a tenth of a registration

// Part of libc, declared by no header of it: the C++ ABI's atexit, and what atexit itself is made of.
#pragma GCC visibility push(default)
extern int __cxa_atexit(void (*function)(void *), void *argument, void *object);
extern void __cxa_finalize(void *object);
#pragma GCC visibility pop

#pragma GCC visibility push(hidden)

// ---- wait.c: sleeping on a word of 32 bits, and the clock.

void cexit__futex_wait(const void *word, uint32_t seen); // while *word == seen; may return early
void cexit__futex_wait_for(const void *word, uint32_t seen, uint64_t nanoseconds); // the same, at most that long
void cexit__futex_wake(const void *word, int count);
uint64_t cexit__now(void); // nanoseconds on a clock that nobody sets

// ---- memory.c

void *cexit__map(size_t size); // zeroed memory; NULL: none is to be had
void cexit__unmap(void *memory, size_t size);
void cexit__forget_memory(void *memory, size_t size); // gives it back, to be zeros when it is touched again; or nothing
// A word that reads `value` in this process and 0 in every child that gets a copy of its memory, however that was made.
// NULL: the kernel offers no such thing (before Linux 4.14).
_Atomic uint32_t *cexit__map_wiped(uint32_t value);
void cexit__unmap_wiped(_Atomic uint32_t *word);

// ---- signal.c

// The signal's disposition is this handler, which is told the number alone: SIG_DFL, SIG_IGN, or another.
bool cexit__is_plain(const struct sigaction *action, void (*handler)(int));
typedef void cexit__signal_handler(int number, siginfo_t *info, void *machine);
bool cexit__is_handler(const struct sigaction *action, cexit__signal_handler *handler);
int cexit__handle(int number, cexit__signal_handler *handler, int flags); // from now on; 0 or an errno value
// Gives the signal its former disposition, unless a handler of the program's has taken the place of this one.
void cexit__give_back(int number, cexit__signal_handler *handler, const struct sigaction *former);
void cexit__raise(int number);                 // on this thread, blocked or not
bool cexit__raise_on(int task, int number);    // on another thread; false: not sent
void cexit__raise_here(int number);            // on this thread, unblocked
CEXIT_NORETURN void cexit__die_of(int number); // by the signal's default; where the process lives on, 128 + number
bool cexit__signal_has_reader(int number); // a file of this process reads the signal, by signalfd; false if in doubt

// ---- stderr.c

// Writes all of the text, or as much as fits within a fifth of a second. Raises no SIGPIPE, does not stop for SIGTTOU.
void cexit__write_to(int file, const char *text, size_t length);

// ---- tasks.c: threads of this process by the kernel's numbers.

int cexit__task(void);                       // the calling thread's
bool cexit__shares_memory_with(int process); // this process runs in that one's memory, as after vfork; true if in doubt
bool cexit__task_has_ended(int task);        // false if in doubt
bool cexit__task_is_asleep(int task);      // in a sleep, a read, a poll or the like, not for a lock. False if in doubt
uintptr_t cexit__task_sleeps_on(int task); // the word of cexit__futex_wait, or of a lock of libc's; 0: not known
bool cexit__main_thread_has_ended(void);   // false if in doubt. Not in a signal handler
bool cexit__threads_are_at_most(unsigned count); // the main thread counts, though it has ended
void cexit__let_pool_rest(void); // until each other thread is seen asleep, 200 ms at most. Not in a signal handler

// ---- loader.c: takes a lock of the loader's; not in a signal handler.

void cexit__pin_object(const void *address); // keeps the object that holds the address loaded for ever
void cexit__pin_path(const char *path);      // the same by its file; an empty path is the executable
void cexit__pin(void);                       // the object that this code is part of
bool cexit__is_in_executable(const void *address);
// A function of libc's list that returns there was called by __cxa_finalize, for an object that is unloaded; false: by exit.
bool cexit__is_unloading_call(const void *return_address);
enum libc_object { NEITHER, LIBC, LOADER };
enum libc_object cexit__libc_object(uintptr_t address); // whose data that is. Takes a lock of the loader for a moment

// ---- libc.c

bool cexit__libc_refuses_late(void); // a handler that is registered when the last one has run
bool cexit__libc_exits_again(void);  // libc bears an exit by the thread that is in its exit
bool cexit__libc_locks_exit(void);   // a thread in libc's exit lets no other in, for ever

#pragma GCC visibility pop
#endif
