// SPDX-License-Identifier: Apache-2.0
// A program with the whole screen of a terminal: the handler gives the terminal back.

#include "real-library.h"

#include <ncurses.h>
#include <poll.h>
#include <pty.h>
#include <termios.h>

static int controller, terminal;

static bool echoes(void) {
  struct termios settings;
  CHECK(tcgetattr(terminal, &settings) == 0);
  return (settings.c_lflag & ECHO) != 0;
}

// The kernel hands over what was written a while later.
static bool shows(const char *word) {
  char text[8192];
  size_t length = 0;
  do {
    struct pollfd ready = {.fd = controller, .events = POLLIN};
    if (poll(&ready, 1, 20000) != 1) return false;
    ssize_t more = read(controller, text + length, sizeof text - 1 - length);
    if (more <= 0) return false;
    text[length += (size_t)more] = 0;
  } while (strstr(text, word) == NULL);
  return true;
}

static void begin(void) {
  CHECK(openpty(&controller, &terminal, NULL, NULL, NULL) == 0 && echoes());
  FILE *in = fdopen(dup(terminal), "r"), *out = fdopen(dup(terminal), "w");
  CHECK(newterm("vt100", out, in) != NULL);
  cbreak();
  noecho();
  mvprintw(0, 0, "at work");
  refresh();
  CHECK(!echoes());
}

static void use(void) {
  mvprintw(0, 0, "goodbye");
  refresh();
  CHECK(endwin() == OK);
  say("handler: the screen says %s, the terminal %s\n", shows("goodbye") ? "goodbye" : "nothing",
      echoes() ? "has its settings" : "is raw");
}
