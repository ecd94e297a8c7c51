// SPDX-License-Identifier: Apache-2.0
//
// A program that uses a library: begin() is the first use, use() is what the handler does with the library. The handler is
// registered on the first line of main, so before the library has registered its own clean-up.
//
// The macro decides who calls the handler. None: the stack. PLAIN: libc, by atexit, in a program without this library;
// PLUGIN: a program in Swift or Python, which loads this file as a shared object.

#include "fixture.h"

#include <signal.h>

static void begin(void);
static void use(void);

#ifdef __cplusplus
#define FOR_C extern "C"
#else
#define FOR_C
#endif

#if defined PLUGIN

FOR_C void library_begin(void) {
  begin();
}

FOR_C void library_use(void) {
  use();
}

#else

#if defined PLAIN

// Every object of the process registers with libc here.
static int registrations;

FOR_C int __cxa_atexit(void (*function)(void *), void *argument, void *object) {
  static int (*libcs)(void (*)(void *), void *, void *);
  if (libcs == NULL) *(void **)&libcs = dlsym(RTLD_NEXT, "__cxa_atexit");
  registrations++;
  return libcs(function, argument, object);
}

static void say_when(int before_main) { // one registration is that of the handler
  say("before main: %s, at first use: %s\n", before_main > 0 ? "yes" : "no",
      registrations > before_main + 1 ? "yes" : "no");
}

#define REGISTER atexit
#define LEAVE_BY_DOOR exit
#define ASK_FOR_SIGNALS() (void)0
#else
#define REGISTER cexit_atexit
#define LEAVE_BY_DOOR cexit_exit
#define ASK_FOR_SIGNALS() CHECK(cexit_exit_on_signals(NULL, 0) == 0)
#endif

static void *exit_here(void *unused) {
  (void)unused;
  exit(3);
}

static void *leave_by_door_here(void *unused) {
  (void)unused;
  LEAVE_BY_DOOR(3);
}

int main(int argc, char **argv) { // <return|exit|thread|door|door-thread|signal|when>
#if defined PLAIN
  int before_main = registrations;
#endif
  CHECK(REGISTER(use) == 0);
  CHECK(argc == 2);
  const char *way = argv[1];
  if (strcmp(way, "signal") == 0) ASK_FOR_SIGNALS();
  begin();
#if defined PLAIN
  if (strcmp(way, "when") == 0) say_when(before_main), _exit(0);
#endif
  if (strcmp(way, "exit") == 0) exit(3);
  if (strcmp(way, "thread") == 0) join(start(exit_here, NULL));
  if (strcmp(way, "door") == 0) LEAVE_BY_DOOR(3);
  if (strcmp(way, "door-thread") == 0) join(start(leave_by_door_here, NULL));
  if (strcmp(way, "signal") == 0) kill(getpid(), SIGTERM);
  while (strcmp(way, "signal") == 0) pause();
  return 3;
}

#endif
