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
//   run.c  call.c                      calling handlers
//   stack.c  cancel.c                  which handlers there are, in which order
//   storage.c  process.c  lock.c       memory, fork, mutual exclusion

#ifndef CEXIT_INTERNAL_H
#define CEXIT_INTERNAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
// What the files here define is this copy's own work, and hidden: forward.c defines the public functions.
#include "own.h"
#define CEXIT_API __attribute__((visibility("hidden")))
#include "CExitShim.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#if defined(__has_include)
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define SINGLE_THREADED __libc_single_threaded
#endif
#endif
#ifndef SINGLE_THREADED
#define SINGLE_THREADED 0
#endif

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define PER_THREAD _Thread_local __attribute__((tls_model("initial-exec")))

#pragma GCC visibility push(hidden)

// Part of libc, declared by no header of it: the C++ ABI's atexit, and what atexit itself is made of.
#pragma GCC visibility push(default)
extern int __cxa_atexit(void (*function)(void *), void *argument, void *object);
extern void __cxa_finalize(void *object);
#pragma GCC visibility pop

// ---- lock.c: a futex word whose value is its owner, so that re-entry from a signal handler is seen.
// 0: free; else this_thread of its owner, bit 0: somebody sleeps on it.

extern _Atomic uintptr_t cexit_lock_word; // the lock of everything but the finalizers' table
extern PER_THREAD struct running *_Atomic cexit_running;

static inline uintptr_t this_thread(void) { // where its thread-local storage is: pthread_self would be a call
  return (uintptr_t)&cexit_running;
}

int cexit_word_take(_Atomic uintptr_t *word); // 0 or EDEADLK
void cexit_word_drop(_Atomic uintptr_t *word);
void cexit_word_wake(_Atomic uintptr_t *word);

// This thread is adding to libc's list, which has a lock of its own: a signal handler that comes back for it would hang.
extern PER_THREAD volatile bool cexit_in_libc;

static inline bool word_try(_Atomic uintptr_t *word) {
  uintptr_t self = this_thread(), free_word = 0;
  if (SINGLE_THREADED) {
    if (atomic_load_explicit(word, memory_order_relaxed) != 0) return false;
    atomic_store_explicit(word, self, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
    return true;
  }
  return atomic_compare_exchange_strong_explicit(word, &free_word, self, memory_order_acquire, memory_order_relaxed);
}

static inline void word_give(_Atomic uintptr_t *word) {
  if (SINGLE_THREADED) {
    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(word, 0, memory_order_release);
  } else if (atomic_exchange_explicit(word, 0, memory_order_release) & 1) {
    cexit_word_wake(word);
  }
}

// Calls, or the core would be half as large again. Where nanoseconds count, word_try and word_give are inlined.
static inline int word_take(_Atomic uintptr_t *word) {
  return cexit_word_take(word);
}
static inline void word_drop(_Atomic uintptr_t *word) {
  cexit_word_drop(word);
}
static inline int lock_take(void) {
  return cexit_word_take(&cexit_lock_word);
}
static inline void lock_drop(void) {
  cexit_word_drop(&cexit_lock_word);
}
static inline bool lock_is_held_here(void) {
  return (atomic_load_explicit(&cexit_lock_word, memory_order_relaxed) & ~(uintptr_t)1) == this_thread();
}

void cexit_futex_wait(const void *word, uint32_t seen);
void cexit_futex_wake(const void *word, int count);
/// The half of a pointer-sized word that a futex compares.
const void *cexit_futex_half(const _Atomic uintptr_t *word);

// ---- storage.c: entries and stacks live in chunks that never move and are never freed.

#define NONE UINT32_MAX
enum { FIRST_CHUNK = 32, CHUNKS = 31 };
#define MOST_ENTRIES (((size_t)1 << CHUNKS) - FIRST_CHUNK)

struct slab {
  uintptr_t chunk[CHUNKS]; // chunk k holds 1 << k elements; here is where 1 << k before its first would be
  uint32_t free;           // the newest freed element, linked through its first word's owner (see each slab's link)
  uint32_t fresh;          // elements from here on were never used
  uint32_t capacity;
  uint32_t available; // capacity less what is in use
  size_t element;
};

struct entry {
  cexit_function function; // NULL while free: a leak checker must not see what it held
  void *context;
  void (*release)(void *);
  const char *name, *file;
  uint32_t newer, older; // neighbours in its phase; `older` links the free list
  uint32_t generation;   // odd: pending; grows at each taking and each freeing
  uint32_t epoch;        // when: the mark and the fork it came after
  union {
    struct {
      unsigned stack : 26, phase : 2, inherited : 1;
      unsigned asleep_from : 2; // its phase, while `phase` is ASLEEP
      unsigned is_closure : 1;  // `function` is a cexit_closure, and `release` its code
      unsigned line : 20, owner : 12;
    };
    uint64_t bits; // all of these
  };
};
_Static_assert(sizeof(struct entry) <= 64, "an entry is a cache line");

struct slots {    // slots in a list of libc's
  uint32_t armed; // how many of the newest group are waiting there
  uint32_t group; // the epoch of that group
  bool tagged;    // it can be taken back: libc knows it by a handle of its own
};

enum { ASLEEP = 3, LISTS }; // beside the phases: what runs of the stack leave out

struct cexit_stack { // what a registration and a cancellation read and write comes first: one cache line
  _Alignas(64) uint32_t newest[LISTS]; // by phase; NONE
  uint32_t index;
  uint32_t parent;     // NONE: standalone, or the process's own
  uint32_t inherited;  // entries here with that flag
  size_t count;        // pending entries that belong to this process, without those asleep
  struct slots *slots; // what runs it without being asked; NULL for a standalone stack
  uintptr_t runner;    // the thread that runs it; 0
  uint64_t place;      // the entry of `parent` that runs it
  bool destroyed;
  uint32_t references; // the maker's, its entry's, its runs' and its children's; 0: free
  uint32_t run_number; // which run is the innermost
  uint32_t turns;      // runs of it that its runner is in
  uint32_t next_free;
  uint32_t children; // stacks whose parent this is
  size_t foreign;    // pending entries of a process this one was forked from
  const void *owner;
  const char *name;
};

extern struct slab cexit_entries, cexit_stacks;
extern cexit_stack cexit_first_stacks[FIRST_CHUNK];

static inline void *slab_at(const struct slab *slab, size_t element, uint32_t index) {
  uint32_t n = index + FIRST_CHUNK;
  return (void *)(slab->chunk[31u ^ (unsigned)__builtin_clz(n)] + n * element);
}
static inline struct entry *entry_at(uint32_t index) {
  return slab_at(&cexit_entries, sizeof(struct entry), index);
}
static inline cexit_stack *stack_at(uint32_t index) {
  return slab_at(&cexit_stacks, sizeof(cexit_stack), index);
}
int cexit_slab_grow(struct slab *slab); // without the lock; 0 or ENOMEM

#define PROCESS (&cexit_first_stacks[0])
#define QUICK (&cexit_first_stacks[1])

// ---- process.c: whose process this is.

enum { HERE = 1 };

struct owner {
  const void *owner;
  uint16_t number; // 0: never unloaded
};

struct process {
  _Atomic(const _Atomic uint32_t *) here; // reads HERE in the process that set it up; every kind of fork wipes it
  uint32_t epoch;                         // stamps new entries
  uint32_t born;                          // the first epoch of this process: entries below it are a parent's
  struct owner recent[16];                // owners seen lately, each in the place its address says
  struct slots process_slots, quick_slots;
  bool tags;      // groups get handles of their own
  uint32_t yield; // in a slot: what is older than that epoch has to wait for somebody else's handler; 0
};
extern struct process cexit_process;

int cexit_process_enter(void);    // without the lock: makes `here` read HERE; 0 or EDEADLK
bool cexit_process_recover(void); // in a child that nothing told of, once: makes it a process; the lock is free then
bool cexit_in_vfork_child(void);  // shares this memory, but is not this process
static inline bool is_here(void) {
  const _Atomic uint32_t *here = atomic_load_explicit(&cexit_process.here, memory_order_relaxed);
  return atomic_load_explicit(here, memory_order_relaxed) == HERE;
}
int cexit_enter(void);
static inline int enter(void) { // takes the lock in a process that is known; 0 or EDEADLK
  return cexit_enter();
}
static inline bool enter_fast(void) { // false: not without asking further, by enter
  if (!word_try(&cexit_lock_word)) return false;
  if (LIKELY(is_here())) return true;
  word_drop(&cexit_lock_word);
  return false;
}

static inline struct owner *known_owner(const void *owner) { // where it stands if it is known
  return &cexit_process.recent[(uintptr_t)owner / sizeof(void *) % 16];
}

static inline bool is_foreign(const struct entry *entry) {
  return entry->epoch < cexit_process.born && !entry->inherited;
}

static inline void call_closure(const struct entry *entry, CExitCall call) {
  ((cexit_closure)(void (*)(void))entry->function)(entry->context, (void *)entry->release, call);
}

// ---- stack.c: with the lock held, unless said otherwise.

uint32_t cexit_stack_next(const cexit_stack *stack,
                          uint32_t floor); // what runs next; NONE when nothing is left from the floor on
bool cexit_stack_take(cexit_stack *stack, uint32_t floor, struct entry *out); // the same, taken; false: nothing is left
uint32_t cexit_pending_index(cexit_handler handler);                          // NONE: not pending here
void cexit_entry_link(cexit_stack *stack, struct entry *entry, uint32_t index); // as the newest of its phase
void cexit_entry_link_oldest(cexit_stack *stack, struct entry *entry, uint32_t index, uint32_t oldest);
void cexit_entry_unlink(struct entry *entry);
void cexit_entry_free(uint32_t index);
bool cexit_entry_is_of(const struct entry *entry, const void *function); // as cexit_atexit or cexit_on_exit made it
void cexit_entry_take(uint32_t index, struct entry *out); // off the stack and free again; `out`: what a call needs
void cexit_entry_forget(uint32_t index);                  // a parent's, whose code leaves this process
void cexit_entry_release(const struct entry *entry);      // without the lock: lets go of what it holds
bool cexit_stack_is_ready(const cexit_stack *stack, const void *owner); // a registration needs no more than an entry
int cexit_stack_make_ready(cexit_stack *stack, const void *owner); // without the lock: gets it so far, or says why not
int cexit_stack_enter_ready(cexit_stack *stack,
                            const void *owner); // takes the lock with the stack so far, or says why not
int cexit_entry_push(cexit_stack *stack, const cexit_entry *from, const void *owner,
                     cexit_handler *out); // without the lock

// ---- nest.c: the life of stacks.

void cexit_run_nested(void *stack);                       // the function of an entry that is a stack
int cexit_stack_new(const char *name, cexit_stack **out); // without the lock
int cexit_stack_place(cexit_stack *stack);                // without the lock: a new entry in its parent, on top
void cexit_stack_drop(cexit_stack *stack);                // with the lock held: one reference less
void cexit_stack_unreference(cexit_stack *stack);         // without the lock
void cexit_stacks_forked(void);                           // what was pending is a parent's now
void cexit_stacks_adopted(void);
void cexit_stacks_lost(void); // forked in the middle of an operation: start anew

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
void cexit_call(struct entry *taken, CExitCall call, cexit_observer observer, void *context);
uint64_t cexit_now(void); // nanoseconds on the clock that nobody sets

// ---- run.c

size_t cexit_run_stack(cexit_stack *stack, uint32_t floor, cexit_observer observer, void *context);
bool cexit_thread_is_running(void);  // a stack or a handler
void cexit_thread_leaves_runs(void); // this thread is not coming back to what it runs: finish that or let go
bool cexit_others_run(void);         // another thread runs a handler by hand
bool cexit_wait_for_others(void);    // until no other thread runs a handler by hand; true: it had to wait
void cexit_runs_set_up(void);
void cexit_watch_this_thread(void); // its end, in the middle of a handler or of the exit, will be noticed
void cexit_runs_forked(void);

// ---- deadline.c

enum { WATCHED_FOR_TIME = 1, WATCHED_FOR_CRASHES = 2 };
extern _Atomic unsigned cexit_watched; // somebody may want to name the handlers that run

void cexit_stay_if_firing(void);       // never returns once the process is being ended
void cexit_watch_exit(void);           // the exit is this thread's
void cexit_watch_thread_ended(void);   // this thread ends in the middle of it
void cexit_watch_by_hand(bool begins); // this thread runs handlers, and the process goes on
void cexit_watch_frames(void);         // this thread has taken frames off
void cexit_watch_forked(void);

// ---- signals.c  death.c

void cexit_signals_forked(void);
void cexit_signals_end(void);                 // at the very end; if a signal was taken, does not return
int cexit_last_act_prepare(void);             // makes libc call that; 0 or ENOMEM
void cexit_raise_here(int number);            // on this thread, unblocked
CEXIT_NORETURN void cexit_die_of(int number); // async-signal-safe

// ---- crash.c

void cexit_crash_note_begin(void); // on the thread that exits
void cexit_crash_note_end(void);

// ---- helper.c

int cexit_helper_start(_Atomic pid_t *home, void *(*run)(void *),
                       const char *name); // once a process; 0 or an errno value
void cexit_helpers_thread_ended(void);
void cexit_helpers_forked(void);

// ---- note.c

struct note {
  size_t length;
  char text[512];
};
void cexit_note_text(struct note *note, const char *text);
void cexit_note_number(struct note *note, uint64_t number, int digits); // at least so many digits
void cexit_note_seconds(struct note *note, uint64_t nanoseconds);
void cexit_note_handler(struct note *note, const struct entry *entry);
void cexit_note_write(struct note *note); // as one line on stderr

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

typedef SWIFT_CALL void cexit_deinit(SWIFT_SELF void *object); // what a class does to free an object
// Calls `deinit`, then runs the object's finalizers. `hops`: it may have been put off to another thread.
void cexit_object_dies(void *object, cexit_deinit *deinit, bool hops);

// ---- table.c

struct ready { // a finalizer that was taken out of the table, with its reference to the object
  cexit_handler handler;
  void *object;
  uint32_t place;
};
int cexit_node_tie(cexit_finalizer *node, void *object, uint32_t place, bool watched); // 0 or EDEADLK
void *cexit_node_untie(cexit_finalizer *node); // the object; NULL: it was not tied
void *cexit_node_object(const cexit_finalizer *node, void *(*retain)(void *object));
uint32_t cexit_nodes_take(void *object, struct ready *out, uint32_t room); // newest first; how many
uint32_t cexit_nodes_sweep(bool again, bool (*is_dead)(void *object), struct ready *out, uint32_t room);
void cexit_table_before_fork(void);
void cexit_table_after_fork(void);
void cexit_table_forked(void); // this process is a child that before_fork was not called for

// ---- home.c

void cexit_home_pin(void); // keeps the object that this code is part of loaded for ever

// ---- slot.c

int cexit_gate_prepare(void);             // every exit will pass the gate, handlers or none; 0 or an errno value
int cexit_slots_arm(struct slots *slots); // without the lock; 0, ENOMEM or ECANCELED
void cexit_exit_forked(void);
void cexit_exit_thread_ended(void);
void cexit_complain(const char *line); // one line on stderr

// ---- loop.c

void cexit_exit_called(const int *status); // by a thread that may be at work for a handler of another; NULL: not known

// ---- object.c

// Both without the lock.
int cexit_owner_add(const void *owner); // makes it known; 0 or an errno value
void cexit_owner_pin(const void *owner);

#pragma GCC visibility pop
#endif
