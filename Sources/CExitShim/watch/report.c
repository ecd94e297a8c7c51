// SPDX-License-Identifier: Apache-2.0
//
// A line about a handler, written when nothing can be relied on: in a signal handler, with the allocator's or stdio's
// lock held by a thread that will not come back. What does not fit is cut off.

#include "watch.h"

#include "../platform/symbol.h"

static void note_of(struct note *note, const char *format, va_list arguments) { // a byte is left for the line's end
  struct text text = {note->text + note->length, note->text + sizeof note->text - 2};
  cexit__text_of(&text, format, arguments);
  note->length = (size_t)(text.at - note->text);
}

void cexit__note(struct note *note, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  note_of(note, format, arguments);
  va_end(arguments);
}

void cexit__note_begin(struct note *note) {
  note->length = 0;
  cexit__note(note, "ExitKit: ");
}

void cexit__say(const char *format, ...) {
  struct note note;
  va_list arguments;
  cexit__note_begin(&note);
  va_start(arguments, format);
  note_of(&note, format, arguments);
  va_end(arguments);
  cexit__note_write(&note);
}

void cexit__note_seconds(struct note *note, const char *before, uint64_t nanoseconds) {
  cexit__note(note, "%s %t s", before, nanoseconds / 1000000);
}

static const struct {
  int number;
  const char *name;
} signals[] = {{SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"},  {SIGILL, "SIGILL"},
               {SIGTRAP, "SIGTRAP"}, {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},    {SIGFPE, "SIGFPE"},
               {SIGUSR1, "SIGUSR1"}, {SIGSEGV, "SIGSEGV"}, {SIGUSR2, "SIGUSR2"},  {SIGPIPE, "SIGPIPE"},
               {SIGALRM, "SIGALRM"}, {SIGTERM, "SIGTERM"}, {SIGWINCH, "SIGWINCH"}};

int cexit__signal_named(const char *name) {
  if (strncmp(name, "SIG", 3) == 0) name += 3;
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    if (strcmp(signals[i].name + 3, name) == 0) return signals[i].number;
  }
  return (int)strtol(name, NULL, 10);
}

void cexit__note_signal(struct note *note, int number) {
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    if (signals[i].number == number) return cexit__note(note, "%s", signals[i].name);
  }
  cexit__note(note, "signal %u", (uint64_t)number);
}

void cexit__note_place(struct note *note, const char *file, uint32_t line) {
  bool spaced = note->length != 0 && note->text[note->length - 1] == ' ';
  if (file != NULL) cexit__note(note, spaced ? "(%255s:%u)" : " (%255s:%u)", file, (uint64_t)line);
}

// By its name and its place; without both by its function's object and symbol.
void cexit__note_subject(struct note *note, const char *name, const void *function, const char *file, uint32_t line) {
  char symbol[160];
  if (name != NULL) {
    cexit__note(note, " \"%120s\"", name);
  } else if (file == NULL && function != NULL) {
    cexit__symbol(function, symbol, sizeof symbol);
    cexit__note(note, " %s", symbol);
  }
  cexit__note_place(note, file, line);
}

void cexit__note_handler(struct note *note, const struct entry *entry) {
  cexit__note(note, kind_title(entry->kind));
  cexit__note_subject(note, entry->name, cexit__c_function(entry), entry->file, entry->line);
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

void cexit__note_write(struct note *note) {
  note->text[note->length++] = '\n';
  cexit__write_to(STDERR_FILENO, note->text, note->length);
}
