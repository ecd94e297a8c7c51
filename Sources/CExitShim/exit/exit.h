// SPDX-License-Identifier: Apache-2.0
//
// Registering, our slots in libc's list, whose exit it is.

#ifndef CEXIT_EXIT_H
#define CEXIT_EXIT_H

#include "../run/run.h"

#pragma GCC visibility push(hidden)

// ---- slots.c

void cexit__pin(void);                     // keeps the object that this code is part of loaded for ever
int cexit__gate_prepare(void);             // every exit will pass the gate, handlers or none; 0 or an errno value
int cexit__slots_arm(struct slots *slots); // without the lock; 0, ENOMEM or ECANCELED
void cexit__exit_ends(void);               // on a thread that is about to end the process; may wait until another has
void cexit__exit_forked(void);
void cexit__exit_thread_ended(void);
void cexit__complain(const char *line); // one line on stderr

// ---- owners.c: without the lock.

int cexit__owner_add(const void *owner); // makes it known; 0 or an errno value
void cexit__owner_pin(const void *owner);
bool cexit__is_in_executable(const void *address); // which is never unloaded

#pragma GCC visibility pop
#endif
