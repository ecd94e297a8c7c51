// SPDX-License-Identifier: Apache-2.0
//
// While an exit takes longer than two seconds, and stderr is a terminal, a line on the terminal says which handler is
// running and for how long. A thread draws the line, over and over in the same place. The line is gone before the table is
// printed.

#include "trace.h"

#include <sys/ioctl.h>

static _Atomic uint32_t home; // the process whose thread it is
static bool is_drawn;         // with the trace's lock held

enum { PATIENCE = 2000, PAUSE = 100 }; // milliseconds

static void put(const char *text, size_t length) {
  cexit__write_to(STDERR_FILENO, text, length); // with commands to the terminal
}

// The length of the part of the text that fits into the columns. A character beyond Latin, Greek and Cyrillic counts as two
// columns wide.
static size_t fitting(const char *text, size_t length, unsigned columns) {
  size_t fits = 0;
  for (size_t i = 0; i < length;) {
    unsigned char first = (unsigned char)text[i];
    unsigned wide = first < 0xE1 ? 1 : 2;
    size_t next = i + 1;
    while (next < length && ((unsigned char)text[next] & 0xC0) == 0x80) next++;
    if (wide >= columns) break;
    columns -= wide;
    i = fits = next;
  }
  return fits;
}

void cexit__live_line_clear(void) {
  if (is_drawn) put("\r\033[K", 4);
  is_drawn = false;
}

static void draw(uint64_t began) { // with the trace's lock held
  struct note note;
  note.length = 0;
  struct winsize size = {0};
  struct frame *_Atomic *frames = atomic_load(&cexit__frames.exiter);
  if (frames == NULL) return;
  cexit__frames_freeze();
  const struct frame *frame = atomic_load(frames);
  if (frame != NULL) {
    cexit__note_handler(&note, frame->entry);
    cexit__note_seconds(&note, " has been running for",
                        cexit__awake() - (frame->started != 0 ? frame->started : began));
  }
  cexit__frames_thaw();
  if (note.length == 0) return cexit__live_line_clear();
  unsigned columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 ? size.ws_col : 80;
  put("\r", 1);
  put(note.text, fitting(note.text, note.length, columns));
  put("\033[K", 3);
  is_drawn = true;
}

static CEXIT_NORETURN void *draw_on(void *unused) {
  (void)unused;
  for (;;) {
    uint64_t began = cexit__awake();
    while (atomic_load(&cexit__frames.exiter) == NULL) {
      uint32_t seen = atomic_load(&cexit__frames.news);
      if (atomic_load(&cexit__frames.exiter) == NULL) cexit__futex_wait(&cexit__frames.news, seen);
      began = cexit__awake();
    }
    while (atomic_load(&cexit__frames.exiter) != NULL) {
      nanosleep(&(struct timespec){0, PAUSE * 1000000L}, NULL);
      if (cexit__awake() - began < PATIENCE * 1000000ull || word_take(&cexit__trace_word) != 0) continue;
      draw(began);
      word_drop(&cexit__trace_word);
    }
  }
}

void cexit__live_line_set_up(void) {
  const char *terminal = secure_getenv("TERM");
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &(struct winsize){0}) != 0 || terminal == NULL || strcmp(terminal, "dumb") == 0)
    return;
  atomic_fetch_or(&cexit__observed, OBSERVED_FOR_TIME); // so that frames may be read
  cexit__helper_start(&home, draw_on, "exit live line");
}
