// SPDX-License-Identifier: Apache-2.0
//
// EXITKIT_TRACE=1: a table on stderr when the run is over. The number of rows is fixed; a longer run has a table in several
// parts. The name stands last, so that a script of any width breaks no column.

#include "trace.h"

enum { ROWS = 256 };

static struct row {
  uint64_t began, took;
  pid_t thread;
  uint32_t depth, line;
  unsigned phase;
  enum outcome outcome;
  bool open, nested;
  const char *why; // it did not run
  char name[96], file[64], error[96];
} rows[ROWS];
static unsigned count;
static uint64_t start;
static struct { // text that goes to stderr in one call
  size_t length;
  char text[4096];
} page;

static struct row *new_row(void) {
  if (count == ROWS) cexit__trace_table_print();
  if (count == ROWS) return NULL; // all are open
  rows[count] = (struct row){0};
  return &rows[count++];
}

void cexit__trace_table_begin(const struct told *told) {
  struct row *row = new_row();
  if (start == 0) start = told->time;
  if (row == NULL) return;
  row->began = told->time;
  row->thread = told->thread;
  row->depth = told->depth;
  row->open = true;
  row->nested = told->entry->kind == KIND_NESTED;
  row->phase = told->entry->phase == ASLEEP ? told->entry->asleep_from : told->entry->phase;
  row->line = told->entry->line;
  cexit__text_copy(row->name, sizeof row->name, told->text);
  cexit__text_copy(row->file, sizeof row->file, told->entry->file);
}

static struct row *innermost(void) {
  for (unsigned i = count; i-- > 0;) {
    if (rows[i].open) return &rows[i];
  }
  return NULL;
}

void cexit__trace_table_end(const struct told *told) {
  uint64_t began = told->time - told->took;
  for (unsigned i = count; i-- > 0;) {
    if (!rows[i].open || rows[i].began != began || rows[i].thread != told->thread) continue;
    rows[i].open = false;
    rows[i].took = told->took;
    rows[i].outcome = told->outcome;
    return;
  }
}

void cexit__trace_table_failed(const char *error) {
  struct row *row = innermost();
  if (row != NULL) cexit__text_copy(row->error, sizeof row->error, error);
}

void cexit__trace_table_not_run(const cexit_pending *seen, const char *why) {
  struct row *row = new_row();
  if (row == NULL) return;
  row->why = why;
  row->phase = seen->phase;
  row->depth = seen->depth;
  row->line = seen->line;
  cexit__text_copy(row->name, sizeof row->name, seen->name);
  cexit__text_copy(row->file, sizeof row->file, seen->file);
}

// ---- Printing

static void flush(void) {
  if (page.length != 0) cexit__write_to(STDERR_FILENO, page.text, page.length);
  page.length = 0;
}

static void put(struct note *note) {
  if (page.length + note->length + 1 > sizeof page.text) flush();
  memcpy(page.text + page.length, note->text, note->length);
  page.length += note->length;
  page.text[page.length++] = '\n';
}

static void pad(struct note *note, size_t column) {
  while (note->length < column) cexit__note(note, " ");
}

static void put_milliseconds(struct note *note, uint64_t nanoseconds, size_t width) { // right-aligned
  char number[24];
  struct text text = {number, number + sizeof number - 1};
  cexit__text(&text, "%u.%2u", nanoseconds / 1000000, nanoseconds / 10000 % 100);
  size_t length = (size_t)(text.at - number);
  pad(note, note->length + (width > length ? width - length : 0));
  cexit__note(note, "%s", number);
}

static void put_row(const struct row *row, uint64_t longest) {
  static const char *const phases[] = {"normal", "early", "late", "normal"};
  static const char *const outcomes[] = {[OK] = "", [FAILED] = " FAILED", [GONE] = " left by its thread"};
  enum { BAR = 10 };
  struct note note;
  uint64_t took = row->open ? cexit__now() - row->began : row->took;
  note.length = 0;
  if (row->why != NULL) {
    cexit__note(&note, "  not run: %s", row->why);
  } else {
    put_milliseconds(&note, row->began - start, 10);
    put_milliseconds(&note, took, 10);
    cexit__note(&note, "  ");
    uint64_t bar = longest != 0 ? (took * BAR + longest - 1) / longest : 0;
    for (uint64_t i = 0; i < bar && i < BAR; i++) cexit__note(&note, "=");
    pad(&note, 33);
    cexit__note(&note, "%u", (uint64_t)row->thread);
  }
  pad(&note, 43);
  cexit__note(&note, "%s", phases[row->phase]);
  pad(&note, 51);
  for (uint32_t i = 0; i < row->depth && i < 16; i++) cexit__note(&note, "  ");
  bool named_stack = row->nested && strcmp(row->name, "stack") != 0;
  cexit__note(&note, "%s%s", named_stack ? "stack " : "", row->name[0] != 0 ? row->name : "-");
  cexit__note_place(&note, row->file[0] != 0 ? row->file : NULL, row->line);
  cexit__note(&note, "%s%s%s%s", outcomes[row->outcome], row->open ? " STUCK" : "", row->error[0] != 0 ? ": " : "",
              row->error);
  put(&note);
}

void cexit__trace_table_print(void) {
  uint64_t longest = 0;
  unsigned still_open = 0;
  bool over = count < ROWS;
  if (count == 0) return;
  for (unsigned i = 0; i < count; i++) {
    if (!rows[i].nested && rows[i].took > longest) longest = rows[i].took;
  }
  struct note head;
  head.length = 0;
  cexit__note(&head, "ExitKit:  at ms   took ms             thread    phase   handler");
  put(&head);
  for (unsigned i = 0; i < count; i++) {
    if (rows[i].open && !over)
      rows[still_open++] = rows[i];
    else
      put_row(&rows[i], longest);
  }
  flush();
  count = still_open;
}

void cexit__trace_table_forked(void) {
  count = 0;
  start = 0;
  page.length = 0;
}
