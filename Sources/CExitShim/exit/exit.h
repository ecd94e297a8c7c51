// SPDX-License-Identifier: Apache-2.0
//
// Registering, this library's slots in libc's list, and the state of the exit.

#ifndef CEXIT_EXIT_H
#define CEXIT_EXIT_H

#include "../run/run.h"

#pragma GCC visibility push(hidden)

// ---- gate.c: how this process is leaving.
//
// A door is a way out that asks this library first: cexit_exit and its callers. A door runs the process stack,
// then enters libc's exit. A slot is this library's function in libc's list: plain exit meets slots inside libc's exit.
//
//            T leaves by a door, or comes to a slot
//   OPEN ---------------------------------------------> OWNED by T: T runs handlers, other threads sleep on `owner`
//
//   OWNED by T --- a handler exits again, or ends its thread ---> OWNED by T: the run goes on, with the newer status
//   OWNED by T --- T, at a door, has run everything ------------> ENTERING by T: T waits for libc's lock, perhaps
//   OWNED by T --- T, at a slot, has run everything ------------> OWNED by T: libc's older handlers run, slots come
//   ENTERING by T --- T comes to a slot ------------------------> OWNED by T
//   ENTERING by T --- U comes to a slot, so U has libc's lock --> OWNED by U, the status stays; T sleeps for ever
//   OWNED by T --- the last act: nothing is pending ------------> CLOSED: a registration is refused, libc ends the process
//   any state --- T has ended unnoticed, or waits for a lock that U has (takeover.c) ---> OWNED by U
//   any state, after a fork ------------------------------------> OPEN in the child
//
// quick_exit has a structure of its own, so quick_exit never waits behind an exit that hangs.

enum { ENTERING = 2 }; // a bit of `owner`, an aligned address

struct process_exit {
  _Atomic uintptr_t owner;  // the exiter, and ENTERING; 0: OPEN. Changed by compare-and-swap, in gate.c alone
  _Atomic int owner_task;   // the owner's number, as the kernel knows threads; 0: not yet known
  _Atomic uintptr_t inside; // the thread that is in libc's exit, or enters; 0: none seen. Written by the owner
  _Atomic int status;       // the process is to end with this, while status_known. Written by the owner
  _Atomic bool status_known;
  _Atomic int told; // the argument of the libc exit() that the owner is in, while told_known. Written by the owner
  _Atomic bool told_known;
  _Atomic int requested_status;    // in place of 0, when the run is over; 0: none. Written by any thread
  _Atomic uint64_t waiting_status; // of the thread that came to the gate last, 1 << 32 above it; 0: none waits
  _Atomic uintptr_t
      left_behind; // a thread that does not come back to stacks that the thread ran; 0. Written by the thread that takes over
  _Atomic bool closed;     // nothing more is accepted. Written with the lock held
  uint32_t began;          // entries from this epoch on were registered while the process exits; 0: not begun. Locked
  _Atomic uint64_t signal; // the signal that was taken, its sender above; 0: none. Written in the signal handler
  bool libc_is_taken;      // a thread that will not go on is in libc's exit. Written at a fork, and by the owner
};
extern struct process_exit cexit__leaving, cexit__leaving_quickly;

enum claim { NOT_CLAIMED, CLAIMED, TAKEN_OVER };
// `at_slot`: from another thread that is entering, too. `seen`: the word to sleep on if the exit is another thread's.
enum claim cexit__gate_claim(struct process_exit *leaving, bool at_slot, uintptr_t *seen);
void cexit__gate_enter_libc(struct process_exit *leaving); // the owner: OWNED to ENTERING
bool cexit__gate_is_own(const struct process_exit *leaving);
void cexit__gate_close(struct process_exit *leaving, struct slots *slots); // with the lock held
void cexit__gate_forked(struct process_exit *leaving);
void cexit__set_status(int status);
void cexit__leave_status(int status); // of a thread that waits at the gate: for the exiter, should a handler end that
void cexit__inherit_status(void);
void cexit__set_told(const int *status); // NULL: libc was told, but does not say
bool cexit__status_differs(int *status); // from libc's; `status`: the one to end with
void cexit__grant_status(void);          // puts the requested status in place of 0

// ---- takeover.c: after a while of waiting for `seen`. True: the exit is this thread's, as claimed.
bool cexit__gate_take_over(struct process_exit *leaving, bool at_slot, uintptr_t seen);

// ---- main_thread.c

void cexit__main_stands(void); // the main thread, before it sleeps at the gate
void cexit__main_goes_on(void);
void cexit__main_breaks_away(void); // goes on, though its part may be lent
void cexit__main_leads(void);       // the main thread is the exiter
void cexit__main_forked(void);

// ---- slots.c

extern _Atomic uintptr_t cexit__libc_word;
// Before and after adding to libc's list; fork waits in between. 0 or EDEADLK.
int cexit__libc_enter(void);
void cexit__libc_leave(void);
bool cexit__libc_add(void (*function)(void *), void *argument,
                     void *object); // one, between these two; false: not added

#define PROCESS_SLOT ((void (*)(void *))(void (*)(void))cexit__hooks.process_slot) // glibc passes the status, too

bool cexit__slot_arm(const struct slots *slots, uint32_t group, void *handle); // one slot
bool cexit__slots_arm_group(const struct slots *slots, uint32_t group);        // false: not two of them
void cexit__slots_note_standing(struct slots *slots, uint32_t group, bool tagged, uint32_t calls); // with the lock held
void cexit__slots_note_called(struct slots *slots);                                                // with the lock held
int cexit__gate_prepare(void);                  // every exit will pass the gate, handlers or none; 0 or an errno value
void cexit__slots_arm_above(const void *owner); // without the lock
int cexit__slots_arm(struct slots *slots);      // without the lock; 0, ENOMEM or ECANCELED

// ---- register.c

// cexit__register_owned, of an entry that messages call a finalizer
// Any kind of entry. `word`: of the tie of a finalizer, or 0; `left`: as cexit__tie returns it.
int cexit__register_any(cexit_stack *stack, const cexit_entry *from, const void *owner, cexit_handler *out,
                        unsigned kind, uintptr_t word, void **left);

// ---- place.c

int cexit__stack_place(cexit_stack *stack); // without the lock: a new entry in its parent, on top

// ---- owners.c: without the lock.

int cexit__owner_add(const void *owner); // makes it known; 0 or an errno value

enum { OBJECTS = 1 << 12 };
struct object {
  const void *owner;           // NULL: free
  cexit_stack *leaving;        // where the entries of the object go to run
  uint16_t next;               // in the chain of its hash, or of free numbers; 0: the last
  _Atomic bool has_registered; // since cexit__owner_watch
};
extern struct object cexit__objects[OBJECTS];    // with the lock held
uint32_t cexit__owner_number(const void *owner); // with the lock held; 0: not known
void cexit__owner_watch(uint32_t number);        // with the lock held
bool cexit__owner_has_registered(uint32_t number);
void cexit__owner_forget(uint32_t number);    // with the lock held
const void *cexit__owner_at(uint32_t number); // as entries name it; NULL: the executable, or nobody

// ---- walk.c

struct level {
  const cexit_stack *stack;
  uint64_t last; // the handle of the entry of this stack that was shown last,
  size_t number; // its number,
  unsigned list; // and its list, as a place in the order of the lists
};

struct walk { // a walk over what is pending, which keeps nothing but its place
  cexit_stack *root;
  struct level levels[MOST_LEVELS + 1];
  uint32_t depth; // of the level at work
  bool begun;
  bool unlocked;  // the lock could not be had: what was seen may be wrong
  uint32_t steps; // taken without the lock
  cexit_pending seen;
  unsigned kind;
  const void *function; // of C; NULL: says nothing to a reader
  char name[256], file[256], stack[256];
};
// The next entry is in `seen`; false: there is none.
bool cexit__walk_next(struct walk *walk);

#pragma GCC visibility pop
#endif
