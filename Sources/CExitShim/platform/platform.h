// SPDX-License-Identifier: Apache-2.0
//
// What the library asks of the system and of libc. A port supplies these functions; each says what the rest relies on.

#ifndef CEXIT_PLATFORM_H
#define CEXIT_PLATFORM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE // before any header of the system
#endif

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

// ---- wait.c: sleeping on a word of 32 bits. errno stays as it is.

void cexit__futex_wait(const void *word, uint32_t seen); // while *word == seen; may return early
void cexit__futex_wait_for(const void *word, uint32_t seen, uint64_t nanoseconds); // the same, at most that long
void cexit__futex_wake(const void *word, int count);

// ---- tasks.c: threads of this process by the kernel's numbers. errno stays as it is.

int cexit__task(void);                // the calling thread's
bool cexit__task_has_ended(int task); // false if in doubt
uintptr_t
cexit__task_sleeps_on(int task); // the word of cexit__futex_wait, or of a lock of libc's; 0: none, or not known

// ---- libc.c

enum libc_object { NEITHER, LIBC, LOADER };
enum libc_object cexit__libc_object(uintptr_t address); // whose data that is. Takes a lock of the loader for a moment
bool cexit__libc_exits_again(void);                     // libc bears an exit by the thread that is in its exit
bool cexit__libc_locks_exit(void);                      // a thread in libc's exit lets no other in, for ever

#pragma GCC visibility pop
#endif
