// SPDX-License-Identifier: Apache-2.0
//
// What the .c files share, and nobody else. Who knows whom, downwards only:
//
//   forward.c  home.c                  the public functions, and which copy of this library does their work
//   signals.c                          exit on a signal
//   slot.c  death.c  crash.c           the way out
//   deadline.c  helper.c  note.c       watching it
//   watch.c  finalizer.c  table.c      Swift objects that end
//   object.c                           unloading a shared object
//   run.c  step.c  call.c              calling handlers
//   nest.c  asleep.c  cancel.c         stacks in stacks, entries that wait, cancelling many
//   stack.c                            which handlers there are, in which order
//   storage.c  process.c  lock.c       memory, fork, mutual exclusion
//
// Beside these, for the Swift layer: loop.c, the main queue and a place to sleep; line.c, a line on stderr.

#ifndef CEXIT_INTERNAL_H
#define CEXIT_INTERNAL_H

#include "lock.h"
#include "state.h"

#pragma GCC visibility push(hidden)

// ---- stack.c: with the lock held, unless said otherwise.

uint32_t cexit__stack_next(const cexit_stack *stack,
                           uint32_t floor); // what runs next; NONE when nothing is left from the floor on
bool cexit__stack_take(cexit_stack *stack, uint32_t floor,
                       struct entry *out);            // the same, taken; false: nothing is left
uint32_t cexit__pending_index(cexit_handler handler); // NONE: not pending here
void cexit__entry_link(cexit_stack *stack, struct entry *entry, uint32_t index); // as the newest of its phase
void cexit__entry_link_oldest(cexit_stack *stack, struct entry *entry, uint32_t index, uint32_t oldest);
void cexit__entry_unlink(struct entry *entry);
void cexit__entry_free(uint32_t index);
bool cexit__entry_is_of(const struct entry *entry, const void *function); // as cexit__atexit or cexit__on_exit made it
void cexit__entry_take(uint32_t index, struct entry *out); // off the stack and free again; `out`: what a call needs
void cexit__entry_forget(uint32_t index);                  // a parent's, whose code leaves this process
void cexit__entry_release(const struct entry *entry);      // without the lock: lets go of what it holds
bool cexit__stack_is_ready(const cexit_stack *stack, const void *owner); // a registration needs no more than an entry
int cexit__stack_make_ready(cexit_stack *stack, const void *owner); // without the lock: gets it so far, or says why not
int cexit__stack_enter_ready(cexit_stack *stack,
                             const void *owner); // takes the lock with the stack so far, or says why not
int cexit__entry_push(cexit_stack *stack, const cexit_entry *from, const void *owner,
                      cexit_handler *out); // without the lock

// ---- nest.c: the life of stacks.

void cexit__run_nested(void *stack);                       // the function of an entry that is a stack
int cexit__stack_new(const char *name, cexit_stack **out); // without the lock
int cexit__stack_place(cexit_stack *stack);                // without the lock: a new entry in its parent, on top
void cexit__stack_drop(cexit_stack *stack);                // with the lock held: one reference less
void cexit__stack_unreference(cexit_stack *stack);         // without the lock
void cexit__stacks_forked(void);                           // what was pending is a parent's now
void cexit__stacks_adopted(void);
void cexit__stacks_lost(void); // forked in the middle of an operation: start anew

// ---- call.c

struct running { // a handler that this thread is in; what another thread reads of it is atomic
  struct running *outer;
  const struct entry *_Atomic entry;
  CExitCall call;
  cexit_observer observer;
  void *observer_context;
  void *outcome;
  _Atomic uint64_t started; // when it did; 0: nobody asked for it then
  _Atomic uint64_t limited; // when it got a limit,
  _Atomic uint64_t limit;   // and when that is over; 0: it has none
};
void cexit__call(struct entry *taken, CExitCall call, cexit_observer observer, void *context);
// With the lock held: all that the stack has, each with that errno. False: the lock could not be had again.
bool cexit__call_all(cexit_stack *stack, uint32_t floor, cexit_observer observer, void *context, int error,
                     size_t *ran);
uint64_t cexit__now(void); // nanoseconds on the clock that nobody sets

// ---- run.c

size_t cexit__run_stack(cexit_stack *stack, uint32_t floor, cexit_observer observer, void *context);
bool cexit__thread_is_running(void);  // a stack or a handler
void cexit__thread_leaves_runs(void); // this thread is not coming back to what it runs: finish that or let go
bool cexit__others_run(void);         // another thread runs a handler by hand
bool cexit__wait_for_others(void);    // until no other thread runs a handler by hand; true: it had to wait
void cexit__runs_set_up(void);
void cexit__watch_this_thread(void); // its end, in the middle of a handler or of the exit, will be noticed
void cexit__runs_forked(void);

// ---- deadline.c

enum { WATCHED_FOR_TIME = 1, WATCHED_FOR_CRASHES = 2 };
extern _Atomic unsigned cexit__watched; // somebody may want to name the handlers that run
static inline bool is_watched(unsigned reasons) {
  return (atomic_load_explicit(&cexit__watched, memory_order_relaxed) & reasons) != 0;
}

void cexit__stay_if_firing(void);       // never returns once the process is being ended
void cexit__watch_exit(void);           // the exit is this thread's
void cexit__watch_thread_ended(void);   // this thread ends in the middle of it
void cexit__watch_by_hand(bool begins); // this thread runs handlers, and the process goes on
void cexit__watch_frames(void);         // this thread has taken frames off
void cexit__watch_forked(void);

// ---- signals.c  death.c

void cexit__signals_forked(void);
void cexit__signals_end(void);                 // at the very end; if a signal was taken, does not return
int cexit__last_act_prepare(void);             // makes libc call that; 0 or ENOMEM
extern _Atomic bool cexit__last_act_made;      // this code stays loaded
void cexit__raise_here(int number);            // on this thread, unblocked
CEXIT_NORETURN void cexit__die_of(int number); // async-signal-safe

// ---- crash.c

void cexit__crash_note_begin(void); // on the thread that exits
void cexit__crash_note_end(void);

// ---- helper.c  loop.c

int cexit__helper_start(_Atomic pid_t *home, void *(*run)(void *), const char *name); // once a process; 0 or an errno
void cexit__helpers_thread_ended(void);
bool cexit__is_main_thread(void);
void cexit__helpers_forked(void);

// ---- note.c

struct note {
  size_t length;
  char text[512];
};
void cexit__note_text(struct note *note, const char *text);
void cexit__note_number(struct note *note, uint64_t number, int digits); // at least so many digits
void cexit__note_seconds(struct note *note, uint64_t nanoseconds);
void cexit__note_handler(struct note *note, const struct entry *entry);
void cexit__note_write(struct note *note); // as one line on stderr

// ---- finalizer.c and watch.c

#if defined(__clang__) && (defined(__x86_64__) || defined(__aarch64__))
#define CAN_WATCH 1
#define SWIFT_CALL __attribute__((swiftcall))
#define SWIFT_SELF __attribute__((swift_context))
#else
#define CAN_WATCH 0 // not the compiler that comes with Swift, or a platform that this was never tried on
#define SWIFT_CALL
#define SWIFT_SELF
#endif
#define RUNTIME __attribute__((weak, visibility("default"))) // Swift's; a C program has none of it

typedef SWIFT_CALL void cexit__deinit(SWIFT_SELF void *object); // what a class does to free an object
// Calls `deinit`, then runs the object's finalizers. `hops`: it may have been put off to another thread.
void cexit__object_dies(void *object, cexit__deinit *deinit, bool hops);

// ---- table.c

struct ready { // a finalizer that was taken out of the table, with its reference to the object
  cexit_handler handler;
  void *object;
  uint32_t place;
};
int cexit__node_tie(cexit_finalizer *node, void *object, uint32_t place, bool watched); // 0 or EDEADLK
void *cexit__node_untie(cexit_finalizer *node); // the object; NULL: it was not tied
void *cexit__node_object(const cexit_finalizer *node, void *(*retain)(void *object));
uint32_t cexit__nodes_take(void *object, struct ready *out, uint32_t room); // newest first; how many
uint32_t cexit__nodes_sweep(bool again, bool (*is_dead)(void *object), struct ready *out, uint32_t room);
void cexit__table_before_fork(void);
void cexit__table_after_fork(void);
void cexit__table_forked(void); // this process is a child that before_fork was not called for

// ---- home.c  slot.c

void cexit__pin(void);                     // keeps the object that this code is part of loaded for ever
int cexit__gate_prepare(void);             // every exit will pass the gate, handlers or none; 0 or an errno value
int cexit__slots_arm(struct slots *slots); // without the lock; 0, ENOMEM or ECANCELED
void cexit__exit_ends(void);               // on a thread that is about to end the process; may wait until another has
void cexit__exit_forked(void);
void cexit__exit_thread_ended(void);
void cexit__complain(const char *line); // one line on stderr

// ---- loop.c

void cexit__exit_called(const int *status); // by a thread that may be at work for a handler of another; NULL: not known

// ---- object.c: without the lock.

int cexit__owner_add(const void *owner); // makes it known; 0 or an errno value
void cexit__owner_pin(const void *owner);
bool cexit__is_in_executable(const void *address); // which is never unloaded

#pragma GCC visibility pop
#endif
