// SPDX-License-Identifier: Apache-2.0
//
// Registering, our slots in libc's list, whose exit it is.

#ifndef CEXIT_EXIT_H
#define CEXIT_EXIT_H

#include "../run/run.h"

#pragma GCC visibility push(hidden)

// ---- gate.c: how this process is leaving.

struct process_exit {
  _Atomic uintptr_t owner; // the thread whose exit it is; 0
  _Atomic int status;
  _Atomic bool status_known;
  _Atomic int requested_status; // 0: none
};
extern struct process_exit cexit__leaving;

void cexit__set_status(int status);

// ---- slots.c

#define PROCESS_SLOT ((void (*)(void *))(void (*)(void))cexit__hooks.process_slot) // glibc passes the status, too

bool cexit__slot_arm(const struct slots *slots, uint32_t group, void *handle);                     // one slot
void cexit__slots_note_standing(struct slots *slots, uint32_t group, bool tagged, uint32_t calls); // with the lock held
void cexit__slots_note_called(struct slots *slots);                                                // with the lock held
int cexit__gate_prepare(void);             // every exit will pass the gate, handlers or none; 0 or an errno value
int cexit__slots_arm(struct slots *slots); // without the lock; 0, ENOMEM or ECANCELED
void cexit__pin(void);                     // keeps the object that this code is part of loaded for ever

// ---- owners.c: without the lock.

int cexit__owner_add(const void *owner); // makes it known; 0 or an errno value
void cexit__owner_pin(const void *owner);
bool cexit__is_in_executable(const void *address); // which is never unloaded

#pragma GCC visibility pop
#endif
