// SPDX-License-Identifier: Apache-2.0
//
// The state of the library: entries, stacks, and the process.

#ifndef CEXIT_CORE_H
#define CEXIT_CORE_H

#include "lock.h"

#pragma GCC visibility push(hidden)

// ---- storage.c: entries and stacks live in chunks that never move, and whose addresses are never given back.

#define NONE UINT32_MAX
enum { FIRST_CHUNK = 32, CHUNKS = 31, PAGE = 64 };
enum { MOST_EMPTY = 1 << 14 }; // pages: 64 MiB
// What a chunk has beside each entry: a quarter of a byte for the page, 16 bytes for a tie, 8 for the ties' table; rounded up.
enum { BESIDE = 25 };
#define LAST_GENERATION (UINT32_MAX - 1)
#define MOST_ENTRIES (((size_t)1 << CHUNKS) - FIRST_CHUNK)

// 64 entries, 4 KiB, are a page. The page at work is in the slab; a page that has free entries is on the list of its chunk.
struct page {
  uint64_t free; // a bit for each entry that was used and is free
  uint32_t next; // on the list
};

struct chunk_pages {  // the pages of a chunk, by numbers that go through all chunks
  struct page *pages; // stored lower, so a number needs no subtraction. Behind the entries, in the same memory
  uint32_t list;      // pages with free entries; NONE
  uint32_t fresh;     // pages from this number on are zeros
  uint32_t empty;     // how many on the list have no pending entry
  uint32_t highest;   // generation of a free entry of the chunk
  uint32_t floor;     // generations of fresh pages begin here: the chunk's memory was given back
  uint32_t tied;      // entries with a tie, whose memory stays
};

struct slab {                 // fields that every registration changes come first: one cache line
  _Alignas(64) uint64_t bits; // entries: the free ones of the page at work
  uintptr_t at;               // entries: the page at work,
  uint32_t first;             // and its first index; for the first page, of which half is there, less than 0
  uint32_t available;         // capacity less the elements in use
  uint32_t fresh;             // elements from this index on were never used
  uint32_t capacity;
  uint32_t free;     // stacks: the newest freed one
  uint32_t some;     // entries: a bit for each chunk that has a page for work
  uint32_t empty;    // entries: pages without a pending entry, of all chunks
  uint32_t most;     // entries: with more empty pages, memory is given back
  uint64_t withheld; // entries: was `bits`, until the memory is given back
  size_t element;
  uintptr_t chunk[CHUNKS]; // chunk k holds 2^k elements; stored 2^k elements lower, so an index needs no subtraction
  struct chunk_pages pages_of[CHUNKS];
};

// The kind of an entry says how its function is called: the switch in run/frame.c. All other files, and readers outside of
// the process, ask for the facts of a kind. So a new kind is a value of this enum, a line of KINDS, and a case there.
enum kind {
  KIND_FUNCTION,          // function(context), then release(context)
  KIND_CLOSURE,           // `function` is a cexit_closure, `release` its code; the call releases the captures
  KIND_ON_EXIT,           // a closure, too, that calls `release` with the status and the context
  KIND_ATEXIT,            // `function` takes no argument
  KIND_NESTED,            // `context` is a stack, which `function` runs
  KIND_FINALIZER,         // as KIND_FUNCTION; an object's, and called so in messages
  KIND_FINALIZING_CLOSURE // the same, as KIND_CLOSURE
};
// By what messages tell an entry without a name and a place: by a noun ("a closure"), or by the symbol of a function.
enum shows { SHOWS_NOUN, SHOWS_FUNCTION, SHOWS_RELEASE };
#define KINDS                                                                                                          \
  {                                                                                                                    \
    [KIND_FUNCTION] = {"function", SHOWS_FUNCTION}, [KIND_CLOSURE] = {"closure", SHOWS_NOUN},                          \
    [KIND_ON_EXIT] = {"function", SHOWS_RELEASE}, [KIND_ATEXIT] = {"function", SHOWS_FUNCTION},                        \
    [KIND_NESTED] = {"stack", SHOWS_NOUN}, [KIND_FINALIZER] = {"finalizer", SHOWS_NOUN},                               \
    [KIND_FINALIZING_CLOSURE] = {"finalizer", SHOWS_NOUN},                                                             \
  }
struct kind_facts {
  const char *noun;
  uint32_t shows;
};
extern const struct kind_facts cexit__kinds[8]; // in entry.c: three bits tell eight kinds apart
static inline bool is_closure(unsigned kind) {
  return (1u << kind & (1u << KIND_CLOSURE | 1u << KIND_ON_EXIT | 1u << KIND_FINALIZING_CLOSURE)) != 0;
}
static inline bool is_finalizer(unsigned kind) {
  return kind >= KIND_FINALIZER;
}
static inline bool keeps_frames(unsigned kind) { // of a language's runtime: no thread may jump over such a call
  return kind == KIND_CLOSURE;
}
static inline bool is_found_by_function(unsigned kind) { // by cexit_unregister
  return kind == KIND_ATEXIT || kind == KIND_ON_EXIT;
}
static inline const char *kind_title(unsigned kind) { // in messages, before the name
  return is_finalizer(kind) ? "finalizer" : "exit handler";
}
// How cexit__entry_push is told the kind: in flags that no caller of the public functions may set.
#define KIND_FLAG(kind) ((uint32_t)(kind) << 8)
static inline unsigned kind_of(uint32_t flags) {
  return (flags & CEXIT_CLOSURE) != 0 ? KIND_CLOSURE : flags >> 8 & 7;
}

struct entry {
  cexit_function function; // NULL while free: a leak checker must not see old contents
  void *context;
  void (*release)(void *);
  const char *name, *file;
  uint32_t newer, older; // neighbours in its phase
  uint32_t generation;   // odd: pending; grows at each taking and each freeing
  uint32_t epoch;        // grows with marks and forks: the time of the registration
  union {
    struct {
      unsigned stack : 26, kind : 3, phase : 2, inherited : 1;
      unsigned asleep_from : 2;       // its phase, while `phase` is ASLEEP; else ASLEEP says that `file` is a hint
      unsigned line : 18, owner : 12; // line 0: not known
    };
    uint64_t bits;    // all of these
    uint32_t half[2]; // on a little-endian machine the line is in half[1], from bit 2 on
  };
};
_Static_assert(sizeof(struct entry) <= 64, "an entry is a cache line");

// By hand where that can be: compilers put the parts together in memory, and wait there for the store buffer.
ALWAYS_INLINE uint64_t entry_bits(uint32_t stack, unsigned kind, unsigned phase, bool inherited, unsigned line,
                                  unsigned owner) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return stack | kind << 26 | phase << 29 | (uint32_t)inherited << 31 | (uint64_t)line << 34 | (uint64_t)owner << 52;
#else
  return (struct entry){.stack = stack & 0x3FFFFFF,
                        .kind = kind & 7,
                        .phase = phase & 3,
                        .inherited = inherited,
                        .line = line & 0x3FFFF,
                        .owner = owner & 0xFFF}
      .bits;
#endif
}

// Slots in a list of libc's, all under the lock. `stands` is true only if two slots were put into the list and no slot
// was called or taken back from before that until now. So an entry that is pushed under the lock while `stands` is true
// runs: libc calls the upper slot, and that slot takes the lock later than the entry did; a second thread that exits in
// between meets the lower one, and waits. A count would prove nothing, since libc takes slots off its list before this
// library can see it.
struct slots {
  uint32_t group; // the epoch of the newest group; 0: never armed
  uint32_t calls; // grows when libc calls a slot, and when a group is taken back
  bool stands;
  bool tagged; // the newest group can be taken back: libc knows it by a handle of its own
};

enum { MOST_LEVELS = 32 };  // a stack nested deeper is refused: a run needs some hundred bytes of stack for a level
enum { ASLEEP = 3, LISTS }; // beside the phases: entries that a run leaves out

struct cexit_stack {                   // fields that a registration and a cancellation use come first: one cache line
  _Alignas(64) uint32_t newest[LISTS]; // by phase; NONE
  uint32_t index;
  uint32_t parent;     // NONE: standalone, or the process's own
  uint32_t inherited;  // entries on this stack with CEXIT_INHERITED
  size_t count;        // pending entries that belong to this process, without those asleep
  struct slots *slots; // the slots that run the stack; NULL for a standalone stack
  uintptr_t runner;    // the thread that runs the stack; 0: none
  uint64_t place;      // the entry of `parent` that runs the stack
  bool destroyed;
  bool closing;        // the run that comes to an end is the last
  bool refuses;        // what is registered: after that run, or destroyed
  bool leaves;         // holds the entries of an object that is being unloaded
  uint32_t references; // the maker's, its entry's, its runs' and its children's; 0: free
  uint32_t run_number; // which run is the innermost
  uint32_t turns;      // runs of the stack that the runner is in, one inside the other
  uint32_t next_free;
  // Children, each by its index and 1; 0: none.
  uint32_t first_child, next_sibling, previous_sibling;
  // By phase: in front of the entry `skipped_to` all from `skipped_from` on are a parent's. Each by its index and 1.
  uint32_t skipped_from[ASLEEP], skipped_to[ASLEEP];
  size_t foreign; // pending entries of a parent process
  const void *owner;
  const char *name;
};

extern struct slab cexit__entries, cexit__stacks;
extern cexit_stack cexit__first_stacks[FIRST_CHUNK];

// The compiler takes the value for any value. So the compiler computes the value here and once; and a call stays the end of
// a function although the compiler sees what the call returns.
#define OPAQUE(value) __asm__("" : "+r"(value))

ALWAYS_INLINE unsigned highest_bit(uint32_t n) {
  return 31u ^ (unsigned)__builtin_clz(n);
}
ALWAYS_INLINE unsigned chunk_of(uint32_t index) {
  return highest_bit(index + FIRST_CHUNK);
}
ALWAYS_INLINE void *slab_at(const struct slab *slab, size_t element, uint32_t index) {
  uint32_t n = index + FIRST_CHUNK;
  return (void *)(slab->chunk[highest_bit(n)] + n * element);
}
ALWAYS_INLINE cexit_stack *stack_here(uint32_t index) {
  return slab_at(&cexit__stacks, sizeof(cexit_stack), index);
}

// BSR, which finds the highest bit, takes eight steps on processors of AMD's, and a cancellation asks three times. LZCNT takes
// one step. A processor without LZCNT executes the same bytes as BSR, whose result differs: 31 less the zeros. So chunks
// of entries are also in a table by the result, each where this processor looks; in the beginning the first chunk is in
// both places.
#if defined(__x86_64__) || defined(__i386__)
ALWAYS_INLINE uint32_t leading_zeros(uint32_t n) {
  uint32_t zeros;
  __asm__("lzcnt %1, %0" : "=r"(zeros) : "r"(n) : "cc");
  return zeros;
}
#else
ALWAYS_INLINE uint32_t leading_zeros(uint32_t n) {
  return (uint32_t)__builtin_clz(n);
}
#endif
extern struct chunk_place {
  uintptr_t entries; // as `chunk` of the slab
  struct chunk_pages *of;
  uintptr_t ties, chains; // stored lower, too (ties.c)
} cexit__places[32];
ALWAYS_INLINE struct entry *entry_here(uint32_t index) {
  uint32_t n = index + FIRST_CHUNK;
  return (struct entry *)(cexit__places[leading_zeros(n)].entries + n * sizeof(struct entry));
}
struct entry *cexit__entry_at(uint32_t index);
cexit_stack *cexit__stack_at(uint32_t index);
#ifdef __OPTIMIZE_SIZE__ // each file would have functions of its own
static inline cexit_stack *stack_at(uint32_t index) {
  return cexit__stack_at(index);
}
static inline struct entry *entry_at(uint32_t index) {
  return cexit__entry_at(index);
}
#else
#define entry_at entry_here
#define stack_at stack_here
#endif
int cexit__slab_grow(struct slab *slab); // without the lock; 0, ENOMEM or EDEADLK

// ---- pages.c: which entries are free.

void cexit__entries_open_page(void); // with the lock held: `bits` is 0, and does not stay so
int cexit__entries_supply(void);     // without the lock: for one registration, if it finds `bits` 0; 0 or as above
void cexit__entries_lost(bool pending_stay); // alone, or with the lock held: all that no thread has claimed are free

#define PROCESS (&cexit__first_stacks[0])
#define QUICK (&cexit__first_stacks[1])

// ---- process.c: which process this is.

enum { HERE = 1 };

struct owner {
  const void *owner;
  uint16_t number; // 0: never unloaded
};

struct process {
  _Atomic(const _Atomic uint32_t *)
      here;                // reads HERE in the process that wrote HERE; every kind of fork wipes the word
  uint32_t epoch;          // stamps new entries
  uint32_t born;           // the first epoch of this process: entries below it are a parent's
  struct owner recent[16]; // owners seen lately, each in the place its address says
  struct slots process_slots, quick_slots;
  bool tags; // groups get handles of their own
  bool told; // a file is told of each registration: the fast path is never taken. Written before `here`
  uint32_t
      yield; // set during exit when a foreign handler was just registered: entries older than this epoch wait; 0: not set
};
extern struct process cexit__process;

int cexit__process_enter(void);     // without the lock: makes `here` read HERE; 0 or EDEADLK
bool cexit__process_is_known(void); // some operation has been called in this process or in a parent of it
bool cexit__process_repair(void); // in a copy that no fork handler told of: true on the one thread that is to repair it
void cexit__process_repaired(void);   // on that thread, after cexit__process_settle
uint32_t cexit__process_number(void); // of this process, async-signal-safe; 0 in a child of vfork, and in a copy that
                                      // has not called anything yet
bool cexit__process_has_number(uint32_t wanted); // without a call of the system: true in a child of vfork, too
bool cexit__is_here_slowly(void);
void cexit__process_settle(void); // with the lock held, or alone: sets this process up
bool cexit__in_vfork_child(void); // shares this memory, but is not this process
static inline bool is_here(void) {
  const _Atomic uint32_t *here = atomic_load_explicit(&cexit__process.here, memory_order_acquire);
  return LIKELY(atomic_load_explicit(here, memory_order_relaxed) == HERE) || cexit__is_here_slowly();
}
int cexit__enter(void);
static inline int enter(void) { // takes the lock in a process that is known; 0 or EDEADLK
  return cexit__enter();
}
ALWAYS_INLINE bool enter_fast(void) { // false: not without asking further, by enter
  const _Atomic uint32_t *here = atomic_load_explicit(&cexit__process.here, memory_order_acquire);
  return LIKELY(atomic_load_explicit(here, memory_order_relaxed) == HERE) && word_try(&cexit__lock_word);
}

static inline struct owner *known_owner(const void *owner) { // the place of a known owner
  return &cexit__process.recent[(uintptr_t)owner / sizeof(void *) % 16];
}

static inline bool is_foreign(const struct entry *entry) {
  return !LIKELY(entry->epoch >= cexit__process.born) && !entry->inherited;
}

// A list that entries were moved to leads through memory at random. So a moved entry without a file has a hint in place
// of the file: the entry that moved eight entries before. A run fetches that memory in advance; a stale hint does no harm.
static inline bool has_hint(const struct entry *entry) {
  return entry->asleep_from == ASLEEP;
}

static inline void call_closure(const struct entry *entry, CExitCall call) {
  ((cexit_closure)(void (*)(void))entry->function)(entry->context, (void *)entry->release, call);
}

// ---- entry.c: with the lock held, unless said otherwise.

uint32_t cexit__pending_index(cexit_handler handler);                            // NONE: not pending in this process
void cexit__entry_link(cexit_stack *stack, struct entry *entry, uint32_t index); // as the newest of its phase
void cexit__entry_link_oldest(cexit_stack *stack, struct entry *entry, uint32_t index, uint32_t oldest);
void cexit__entry_unlink(struct entry *entry);
void cexit__entry_free(uint32_t index);
bool cexit__entry_free_as_well(uint32_t index);           // the same; true
bool cexit__entry_take_off(uint32_t index);               // off the stack and free again; true
void cexit__entry_forget(uint32_t index);                 // an entry of a parent process
void cexit__entry_release(const struct entry *entry);     // without the lock: releases the contents
const void *cexit__c_function(const struct entry *entry); // for messages; NULL: its function says nothing to a reader

// ---- stack.c: with the lock held, unless said otherwise.

uint32_t
cexit__stack_next(const cexit_stack *stack,
                  uint32_t floor); // the entry that runs next; NONE: no entry of the floor's epoch or later is left
bool cexit__stack_take(cexit_stack *stack, uint32_t floor,
                       struct entry *out);                               // the same, taken; false: nothing is left
void cexit__entry_take(uint32_t index, struct entry *out);               // the same with this entry
bool cexit__stack_is_ready(const cexit_stack *stack, const void *owner); // a registration needs no more than an entry
int cexit__stack_make_ready(cexit_stack *stack,
                            const void *owner); // without the lock: supplies what is missing; 0 or an errno value
int cexit__stack_enter_ready(cexit_stack *stack, const void *owner,
                             bool locked); // takes the lock with the stack so far, or says why not
int cexit__entry_push(cexit_stack *stack, const cexit_entry *from, const void *owner,
                      cexit_handler *out); // without the lock

// ---- cancel.c: without the lock.

typedef bool cexit_matcher(const struct entry *entry, const void *wanted);
size_t cexit__cancel_matching(cexit_stack *stack, cexit_matcher *matches, const void *wanted); // how many

// ---- in_use.c: without the lock, unless said otherwise. Owner 0 is never unloaded, and not counted.

void cexit__use_begins(unsigned owner); // with the lock held
void cexit__use_ends(unsigned owner);
void cexit__uses_end(void);                  // of this thread, which does not return to its handlers
bool cexit__wait_while_used(unsigned owner); // by other threads; true: the call had to wait
void cexit__uses_forked(void);

// ---- lifetime.c: the life of stacks.

int cexit__stack_new(const char *name, cexit_stack **out); // without the lock
static inline cexit_stack *parent_of(const cexit_stack *stack) {
  return stack->parent == NONE ? NULL : stack_at(stack->parent);
}
uint32_t cexit__stack_level(const cexit_stack *stack); // with the lock held: in how many stacks this stack is nested
void cexit__stack_set_parent(cexit_stack *stack, cexit_stack *parent); // with the lock held
void cexit__stack_join_parent(cexit_stack *stack, cexit_stack *parent);
void cexit__stack_drop(cexit_stack *stack);          // with the lock held: one reference less
void cexit__stack_unreference(cexit_stack *stack);   // without the lock
void cexit__stack_close_if_over(cexit_stack *stack); // with the lock held
void cexit__stacks_forked(void);                     // in a child: pending entries belong to the parent
void cexit__stacks_adopted(void);
void cexit__stacks_lost(void); // forked in the middle of an operation: no entry is left

// ---- repair.c

void cexit__repair(
    void); // this thread holds the lock, and does not come back to the change that it was in the middle of

// ---- move.c

size_t cexit__stack_move_list(cexit_stack *from, cexit_stack *to, unsigned list); // with the lock held

// ---- events/hooks.c: functions that libc and the kernel call back, in rooms above the room that asks for the call.

struct hooks {
  void (*process_slot)(void *group, int status);
  void (*owner_slot)(void *group, int status);
  void (*quick_slot)(void);
  void (*trace)(int moment, const void *subject); // core/trace.h
  void (*thread_ended)(void *unused);
  void (*sweep)(void *owner);
  void (*before_use)(void); // of the library, in a process that is not known yet; perhaps on several threads at once
  void (*first_use)(void);  // of the library, in a process that is known; called again and again
  bool (*recover)(void); // makes a child that no fork handler told of a process of its own, once; the lock is free then
  void (*long_run)(const cexit_stack *stack);
  void (*long_wait)(void); // a thread has waited for LONG_WAIT
};
extern const struct hooks cexit__hooks;

#pragma GCC visibility pop
#endif
