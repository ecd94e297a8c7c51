// SPDX-License-Identifier: Apache-2.0
//
// The dump: a line for each handler that the exiter is running, and for each pending entry. The dump is written when nothing
// can be relied on: in a signal handler, in a debugger, in a process that hangs.

#include "watch.h"

#include "../platform/symbol.h"

// The name of an entry, or the name of its function, or nothing: then the place tells entries apart.
static void note_name(struct note *note, unsigned kind, const char *name, const void *function, const char *file) {
  char symbol[256];
  if (kind == KIND_NESTED && name != NULL) cexit__note(note, "stack ");
  if (name == NULL && function != NULL) {
    cexit__symbol(function, symbol, sizeof symbol);
    name = symbol;
  }
  if (name != NULL)
    cexit__note(note, "%s", name);
  else if (file == NULL)
    cexit__note(note, "a %s", cexit__kinds[kind].noun);
}

static int put(int file, struct note *note) {
  note->text[note->length++] = '\n';
  for (size_t written = 0; written < note->length;) {
    ssize_t count = write(file, note->text + written, note->length - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    written += (size_t)count;
  }
  note->length = 0;
  return 0;
}

static int put_text(int file, const char *text) {
  struct note note;
  note.length = 0;
  cexit__note(&note, "%s", text);
  return put(file, &note);
}

// ---- Running handlers

static int dump_frames(int file, const struct frame *frame) { // from the innermost on
  int error = 0;
  uint64_t now = cexit__awake();
  for (int i = 0; error == 0 && frame != NULL && i <= MOST_LEVELS; frame = frame->outer, i++) {
    const struct entry *entry = frame->entry;
    struct note note;
    note.length = 0;
    cexit__note(&note, "  runs ");
    note_name(&note, entry->kind, entry->name, cexit__c_function(entry), entry->file);
    cexit__note_place(&note, entry->file, entry->line);
    if (frame->started != 0) cexit__note_seconds(&note, " for", now - frame->started);
    error = put(file, &note);
    if (error == 0 && entry->kind == KIND_NESTED) error = cexit__dump_stack(file, entry->context, 2);
  }
  return error;
}

// Frames of another thread are read only while that thread looks at `frozen` before it takes a frame off.
static int dump_running(int file) {
  struct frame *mine = cexit__thread.running;
  if (mine != NULL) return dump_frames(file, mine);
  struct frame *_Atomic *theirs = atomic_load(&cexit__frames.exiter);
  if (theirs == NULL || !is_observed(OBSERVED_FOR_TIME)) return 0;
  cexit__frames_freeze();
  int error = dump_frames(file, atomic_load(theirs));
  cexit__frames_thaw();
  return error;
}

// ---- Pending entries

static const char *const phases[] = {[CExitPhaseNormal] = "", [CExitPhaseEarly] = " early", [CExitPhaseLate] = " late"};

static int dump_entry(int file, const struct walk *walk, uint32_t depth) {
  const cexit_pending *seen = &walk->seen;
  struct note note;
  note.length = 0;
  for (uint32_t i = 0; i < seen->depth + depth + 1; i++) cexit__note(&note, "  ");
  cexit__note(&note, seen->number != 0 ? "%u " : "- ", (uint64_t)seen->number);
  note_name(&note, walk->kind, seen->name, walk->function, seen->file);
  cexit__note_place(&note, seen->file, seen->line);
  cexit__note(&note, "%s%s%s%s", phases[seen->phase], (seen->flags & CEXIT_INHERITED) != 0 ? " inherited" : "",
              (seen->flags & CEXIT_IS_ASLEEP) != 0 ? " asleep" : "",
              (seen->flags & CEXIT_IS_PARENTS) != 0 ? " a parent's" : "");
  return put(file, &note);
}

int cexit__dump_stack(int file, cexit_stack *stack, uint32_t depth) {
  struct walk walk = {.root = stack};
  int error = 0;
  while (error == 0 && cexit__walk_next(&walk)) error = dump_entry(file, &walk, depth);
  if (error == 0 && walk.unlocked)
    error = put_text(file, "  (read without the lock, which a thread holds: entries may be missing or wrong)");
  return error;
}

int cexit__dump(int file) {
  int saved = errno;
  struct note note;
  int status;
  bool exiting = atomic_load(&cexit__leaving.owner) != 0;
  cexit__note_begin(&note);
  cexit__note(&note, "process %u is%s exiting", (uint64_t)getpid(), exiting ? "" : " not");
  if (exiting && cexit__exit_status(&status)) cexit__note(&note, " with status %u", (uint64_t)(status & 255));
  int error = put(file, &note);
  if (error == 0) error = dump_running(file);
  if (error == 0) error = put_text(file, "pending, the next one first:");
  if (error == 0) error = cexit__dump_stack(file, PROCESS, 0);
  errno = saved;
  return error;
}
