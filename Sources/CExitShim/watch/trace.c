// SPDX-License-Identifier: Apache-2.0
//
// The centre of the trace: finds out what the sinks need of each moment, and tells the sinks that were asked for. Nothing
// that fails in the trace changes what the program does.

#include "trace.h"

#include "../platform/symbol.h"

_Atomic uintptr_t cexit__trace_word;

struct trace_wishes cexit__trace_wishes;

static size_t ran, failed, ended; // `ended`: how many had run at the last end of a run
static bool exit_began, in_foreign, is_over;

// ---- Names

// A function's symbol is looked up once: a run often calls the same functions.
static const char *symbol_of(const void *function) {
  static struct {
    const void *function;
    char text[128];
  } known[32];
  unsigned place = (unsigned)((uintptr_t)function >> 4) % 32;
  if (known[place].function != function) cexit__symbol(function, known[place].text, sizeof known[place].text);
  known[place].function = function;
  return known[place].text;
}

static const char *name_of(const struct entry *entry) {
  if (entry->name != NULL) return entry->name;
  const void *function = cexit__c_function(entry);
  if (function != NULL) return symbol_of(function);
  return entry->file != NULL ? entry->file : cexit__kinds[entry->kind].noun;
}

// ---- Handlers at work

static struct open { // a handler that has begun
  const struct frame *frame;
  pid_t thread;
  struct told told;
} opened[64];
static unsigned open_count;

static void look_at_stack(const struct entry *entry, struct told *told, char *name, size_t size) {
  if (lock_is_held_here() || !word_try(&cexit__lock_word)) return;
  const cexit_stack *stack = stack_at(entry->stack);
  told->number = entry->phase != ASLEEP ? stack->count + 1 : 0;
  told->stack = cexit__text_copy(name, size, stack->name);
  word_give(&cexit__lock_word);
}

static bool is_within(const struct frame *frame, const struct frame *wanted) {
  while (frame != NULL && frame != wanted) frame = frame->outer;
  return frame != NULL;
}

static void tell_end(struct open *open, uint64_t time, enum outcome outcome) {
  open->told.moment = MOMENT_HANDLER_ENDS;
  open->told.took = time - open->told.time;
  open->told.time = time;
  open->told.goes_on = exit_began;
  if (open->told.outcome == OK) open->told.outcome = outcome;
  bool counts = open->told.entry == NULL || open->told.entry->kind != KIND_NESTED;
  ran += counts;
  failed += counts && open->told.outcome == FAILED;
  if (cexit__trace_wishes.path != NULL) cexit__trace_file_tell(&open->told);
  if (cexit__trace_wishes.table) cexit__trace_table_end(&open->told);
}

// Handlers of this thread that it has left by exit or by pthread_exit.
static void close_gone(const struct frame *frame, pid_t thread, uint64_t time) {
  while (open_count > 0) {
    struct open *open = &opened[open_count - 1];
    if (open->thread != thread || is_within(frame, open->frame)) return;
    open->told.entry = NULL; // on a part of the thread's stack that is no more
    open->told.text = "";
    tell_end(open, time, GONE);
    open_count--;
  }
}

static void begin_handler(struct told *told, const struct frame *frame) {
  char stack[64];
  told->index = frame->entry->older;
  close_gone(frame->outer, told->thread, told->time);
  told->entry = frame->entry;
  told->text = name_of(told->entry);
  for (const struct frame *outer = frame->outer; outer != NULL; outer = outer->outer) told->depth++;
  look_at_stack(told->entry, told, stack, sizeof stack);
  if (cexit__trace_wishes.path != NULL) cexit__trace_file_tell(told);
  if (cexit__trace_wishes.table) cexit__trace_table_begin(told);
  if (open_count == sizeof opened / sizeof *opened) return;
  told->stack = NULL;
  opened[open_count++] = (struct open){frame, told->thread, *told};
}

static void end_handler(const struct told *told, const struct frame *frame) {
  unsigned place = open_count;
  while (place > 0 && opened[place - 1].frame != frame) place--;
  if (place == 0) return;
  struct open *open = &opened[place - 1];
  open->told.entry = frame->entry;
  open->told.text = name_of(frame->entry);
  tell_end(open, told->time, OK);
  if (cexit__trace_wishes.slow != 0 && open->told.took > cexit__trace_wishes.slow &&
      frame->entry->kind != KIND_NESTED) {
    struct note note;
    cexit__note_begin(&note);
    cexit__note(&note, "slow: ");
    cexit__note_handler(&note, frame->entry);
    cexit__note_seconds(&note, " took", open->told.took);
    cexit__note_write(&note);
  }
  open_count--;
  memmove(open, open + 1, (open_count - (place - 1)) * sizeof *open);
}

// ---- The end

static const char *why_not(const cexit_pending *seen, const char *late) {
  if ((seen->flags & CEXIT_IS_PARENTS) != 0) return "parent's";
  if ((seen->flags & CEXIT_IS_ASLEEP) != 0) return "cancelled";
  return late;
}

static void tell_what_is_left(const struct told *told, const char *late) { // `late`: NULL at an end in time
  struct walk walk = {.root = PROCESS};
  while (cexit__walk_next(&walk)) {
    const char *why = why_not(&walk.seen, late);
    if (why == NULL) continue;
    if (walk.seen.name == NULL && walk.function != NULL) walk.seen.name = symbol_of(walk.function);
    if (cexit__trace_wishes.path != NULL) cexit__trace_file_not_run(told, &walk.seen, why);
    if (cexit__trace_wishes.table) cexit__trace_table_not_run(&walk.seen, why);
  }
}

static void tell_file(const struct told *told) {
  if (cexit__trace_wishes.path != NULL) cexit__trace_file_tell(told);
}

// What libc and other libraries run between the end of a run and what comes next.
static void set_foreign(const struct told *now, bool begins) {
  if (in_foreign == begins) return;
  struct told told = *now;
  told.moment = begins ? MOMENT_FOREIGN_BEGINS : MOMENT_FOREIGN_ENDS;
  told.text = "after the stack";
  in_foreign = begins;
  tell_file(&told);
}

static void end_run(const struct told *told) { // `text`: "deadline" or "signal" cuts the run off; or NULL
  bool late = told->text != NULL, first = !is_over;
  if (!first && ran == ended && !late) return set_foreign(told, true);
  if (!late) close_gone(NULL, told->thread, told->time);
  if (first || late) tell_what_is_left(told, told->text);
  is_over = true;
  ended = ran;
  cexit__live_line_clear();
  if (cexit__trace_wishes.path != NULL) cexit__trace_file_end(told, ran, failed);
  if (cexit__trace_wishes.table) {
    cexit__trace_table_print();
    cexit__say("handlers that ran: %u, that failed: %u", (uint64_t)ran, (uint64_t)failed);
  }
  if (!late) set_foreign(told, true);
}

static void tell_all(struct told *told, const void *subject) {
  switch (told->moment) {
  case MOMENT_EXIT_BEGINS:
    if (exit_began) return; // a handler exits again, or libc calls another slot
    exit_began = true;
    break;
  case MOMENT_FOREIGN_ENDS:
    return set_foreign(told, false);
  case MOMENT_HANDLER_BEGINS:
    set_foreign(told, false);
    return begin_handler(told, subject);
  case MOMENT_HANDLER_ENDS:
    return end_handler(told, subject);
  case MOMENT_HANDLER_FAILS:
    for (unsigned i = open_count; i-- > 0;) {
      if (opened[i].thread != told->thread) continue;
      opened[i].told.outcome = FAILED;
      told->handler = opened[i].told.text;
      break;
    }
    if (cexit__trace_wishes.table) cexit__trace_table_failed(told->text);
    break;
  case MOMENT_EXIT_ENDS:
    return end_run(told);
  case MOMENT_REGISTERED:
  case MOMENT_CANCELLED:
    told->entry = subject;
    told->text = name_of(told->entry);
    told->index = told->entry->older;
    told->number = told->entry->newer;
    if (told->moment == MOMENT_REGISTERED) told->stack = stack_at(told->entry->stack)->name; // the caller has the stack
    break;
  default:
    break;
  }
  tell_file(told);
}

void cexit__trace(int moment, const void *subject) {
  int saved = errno;
  if (moment >= MOMENT_REGISTERED && cexit__trace_wishes.path == NULL) return;
  if (cexit__thread.task == 0) cexit__thread.task = cexit__task();
  struct told told = {
      .moment = (enum moment)moment, .time = cexit__now(), .thread = cexit__thread.task, .text = subject};
  if (moment == MOMENT_REFUSED) {
    const cexit_entry *entry = subject;
    cexit_pending seen = {.name = entry->name, .file = entry->file, .line = entry->line, .phase = entry->phase};
    if (word_take(&cexit__trace_word) != 0) return;
    if (cexit__trace_wishes.path != NULL) cexit__trace_file_not_run(&told, &seen, "refused");
    if (cexit__trace_wishes.table) cexit__trace_table_not_run(&seen, "refused");
  } else {
    if (word_take(&cexit__trace_word) != 0) return; // a signal handler in the middle of the trace
    tell_all(&told, subject);
  }
  word_drop(&cexit__trace_word);
  errno = saved;
}

// The signal may have interrupted this thread in the middle of an event: so the wait for the lock has an end, and then the
// trace stays without an end. The lock is kept, since no event may follow.
void cexit__trace_cut_off(void) {
  if (!is_observed(OBSERVED_FOR_TRACE)) return;
  for (int left = 100; !word_try(&cexit__trace_word); left--) {
    if (left == 0) return;
    nanosleep(&(struct timespec){0, 1000000}, NULL);
  }
  end_run(&(struct told){.moment = MOMENT_EXIT_ENDS, .time = cexit__now(), .thread = cexit__task(), .text = "signal"});
}

// Other threads tell of moments meanwhile, and the exit may wait for such a thread.
void cexit__trace_let_go(void) {
  if ((atomic_load(&cexit__trace_word) & ~(uintptr_t)1) != this_thread()) return;
  cexit__trace_file_drop();
  word_drop(&cexit__trace_word);
}

void cexit__trace_wait(const char *what) {
  trace(what != NULL ? MOMENT_WAIT_BEGINS : MOMENT_WAIT_ENDS, what);
}

void cexit__trace_forked(void) {
  atomic_store(&cexit__trace_word, 0);
  cexit__thread.task = 0;
  cexit__thread.exit_caller = NULL;
  open_count = 0;
  ran = failed = ended = 0;
  exit_began = in_foreign = is_over = false;
  cexit__trace_file_forked();
  cexit__trace_table_forked();
}
