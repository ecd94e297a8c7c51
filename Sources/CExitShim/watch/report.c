// SPDX-License-Identifier: Apache-2.0
//
// A line about a handler, written when nothing can be relied on: in a signal handler, with the allocator's or stdio's
// lock held by a thread that will not come back. What does not fit is cut off.

#include "watch.h"

#include "../platform/symbol.h"

static void add_byte(struct note *note, char byte) {
  if (note->length + 1 < sizeof note->text) note->text[note->length++] = byte; // the last one is for the line's end
}

size_t cexit__character(const char *text) {
  unsigned char first = (unsigned char)text[0], second = first != 0 ? (unsigned char)text[1] : 0;
  if (first < 0x80) return first >= ' ' && first != 0x7F;
  size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  if (first == 0xC2 && second < 0xA0) return 0; // a control character, too
  for (size_t i = 1; i < length; i++) {
    if (((unsigned char)text[i] & 0xC0) != 0x80) return 0;
  }
  return length;
}

static void add_part(struct note *note, const char *text, size_t most) { // on one line, whatever it holds
  size_t length = strnlen(text, most);
  if (length == most) { // it ends with a whole UTF-8 character
    while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) length--;
  }
  for (size_t i = 0, one; i < length; i += one != 0 ? one : 1) {
    one = cexit__character(text + i);
    if (one == 0) add_byte(note, (unsigned char)text[i] < ' ' ? ' ' : '?');
    for (size_t k = 0; k < one; k++) add_byte(note, text[i + k]);
  }
}

void cexit__note_text(struct note *note, const char *text) {
  add_part(note, text, sizeof note->text);
}

void cexit__note_number(struct note *note, uint64_t number, int digits) {
  char reversed[20];
  int count = 0;
  for (; number != 0 || count < digits; number /= 10) reversed[count++] = (char)('0' + number % 10);
  while (count > 0) add_byte(note, reversed[--count]);
}

void cexit__note_seconds(struct note *note, uint64_t nanoseconds) {
  cexit__note_number(note, nanoseconds / 1000000000, 1);
  cexit__note_text(note, ".");
  cexit__note_number(note, nanoseconds / 1000000 % 1000, 3);
  cexit__note_text(note, " s");
}

void cexit__note_signal(struct note *note, int number) {
  static const struct {
    int number;
    const char *name;
  } names[] = {{SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"}, {SIGILL, "SIGILL"},
               {SIGTRAP, "SIGTRAP"}, {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},
               {SIGUSR1, "SIGUSR1"}, {SIGSEGV, "SIGSEGV"}, {SIGUSR2, "SIGUSR2"}, {SIGPIPE, "SIGPIPE"},
               {SIGALRM, "SIGALRM"}, {SIGTERM, "SIGTERM"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (names[i].number == number) return cexit__note_text(note, names[i].name);
  }
  cexit__note_text(note, "signal ");
  cexit__note_number(note, (uint64_t)number, 1);
}

const void *cexit__function_of(const struct entry *entry) {
  if (entry->kind == KIND_ON_EXIT) return (const void *)entry->release;
  return entry->kind == KIND_FUNCTION || entry->kind == KIND_ATEXIT ? (const void *)entry->function : NULL;
}

// By its name and its place; without both by its function's object and symbol.
void cexit__note_subject(struct note *note, const char *name, const void *function, const char *file, uint32_t line) {
  char symbol[160];
  if (name != NULL) {
    cexit__note_text(note, " \"");
    add_part(note, name, 120);
    cexit__note_text(note, "\"");
  } else if (file == NULL && function != NULL) {
    cexit__symbol(function, symbol, sizeof symbol);
    cexit__note_text(note, " ");
    cexit__note_text(note, symbol);
  }
  if (file == NULL) return;
  cexit__note_text(note, " (");
  add_part(note, file, 200);
  cexit__note_text(note, ":");
  cexit__note_number(note, line, 1);
  cexit__note_text(note, ")");
}

void cexit__note_handler(struct note *note, const struct entry *entry) {
  cexit__note_text(note, entry->kind == KIND_FINALIZER ? "finalizer" : "exit handler");
  cexit__note_subject(note, entry->name, cexit__function_of(entry), entry->file, entry->line);
}

// ---- Writing: bounded in time (platform/stderr.c), and nothing that a terminal would take for a command.

void cexit__write_line(const char *text, size_t length) {
  char clean[2048];
  size_t held = 0;
  for (size_t i = 0; i < length;) {
    char here[5] = {0}; // a character, which the text may end in the middle of
    memcpy(here, text + i, length - i < 4 ? length - i : 4);
    size_t one = cexit__character(here);
    if (held + 4 > sizeof clean) {
      cexit__write_to(STDERR_FILENO, clean, held);
      held = 0;
    }
    if (one == 0) {
      clean[held++] = here[0] == '\n' || here[0] == '\t' ? here[0] : '?';
      i++;
    } else {
      memcpy(clean + held, here, one);
      held += one;
      i += one;
    }
  }
  cexit__write_to(STDERR_FILENO, clean, held);
}

void cexit__complain(const char *line) {
  cexit__write_line(line, strlen(line));
}

void cexit__note_write(struct note *note) {
  note->text[note->length++] = '\n';
  cexit__write_to(STDERR_FILENO, note->text, note->length);
}
