// SPDX-License-Identifier: Apache-2.0
//
// Does one thing COUNT times and leaves. The script `instructions` runs this under callgrind with two counts; the
// difference, divided by the difference of the counts, is what one operation costs. Programs that only register leave
// by _exit, so a drain is the difference between leaving by exit and by _exit.

#define _GNU_SOURCE
#include <CExitShim.h>
#include <stdlib.h>

static void nothing(void) {
}

static void nothing_with(void *context) {
  (void)context;
}

static cexit_handler *handles;

static void libc_register(size_t count) {
  for (size_t i = 0; i < count; i++) atexit(nothing);
}

static void plain_register(size_t count) {
  for (size_t i = 0; i < count; i++) cexit_atexit(nothing);
}

static void handle_register(size_t count) {
  handles = calloc(count, sizeof *handles);
  for (size_t i = 0; i < count; i++) {
    cexit_register(NULL, &(cexit_entry){.function = nothing_with, .context = &handles}, &handles[i]);
  }
}

static void handle_register_and_cancel(size_t count) {
  handle_register(count);
  for (size_t i = 0; i < count; i++) cexit_cancel(handles[i]);
}

static void pairs(size_t count) {
  for (size_t i = 0; i < count; i++) {
    cexit_handler handle;
    cexit_register(NULL, &(cexit_entry){.function = nothing_with}, &handle);
    cexit_cancel(handle);
  }
}

static const struct {
  const char *name;
  void (*run)(size_t count);
  bool runs_handlers;
} cases[] = {
    {"libc-register", libc_register, false},
    {"libc-register-and-run", libc_register, true},
    {"register", plain_register, false},
    {"register-and-run", plain_register, true},
    {"register-with-handle", handle_register, false},
    {"register-and-cancel-all", handle_register_and_cancel, false},
    {"pair", pairs, false},
};

int main(int argc, char **argv) {
  for (size_t i = 0; argc > 2 && i < sizeof cases / sizeof *cases; i++) {
    if (strcmp(cases[i].name, argv[1]) != 0) continue;
    cases[i].run((size_t)strtoul(argv[2], NULL, 10));
    if (!cases[i].runs_handlers) _exit(0);
    exit(0);
  }
  fprintf(stderr, "usage: instructions CASE COUNT\n");
  return 2;
}
