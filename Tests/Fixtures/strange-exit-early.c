// SPDX-License-Identifier: Apache-2.0
// A library whose constructor registers a handler and exits before main, as the variable EARLY says.

#include "fixture.h"

static void say_in_libc(void) {
  say("libc's\n");
}

__attribute__((constructor)) static void leave_early(void) {
  const char *way = getenv("EARLY");
  if (way == NULL) return;
  push_name(NULL, "handler");
  CHECK(atexit(say_in_libc) == 0);
  if (strcmp(way, "door") == 0) cexit_exit(8);
  exit(8);
}
