// SPDX-License-Identifier: Apache-2.0
//
// Handlers of other code among the handlers of the stack: libc's, and the destructors of C++ objects in a library.

#include "fixture.h"

#include <malloc.h>

#define SAYS(name) \
  static void name(void) { \
    say(#name "\n"); \
  }
SAYS(libc1)
SAYS(libc2)
SAYS(libc3)

#ifdef __GLIBC__
static void with_status(int status, void *name) {
  say("%s, status %d\n", (const char *)name, status);
}

static void register_on_exit(void) {
  CHECK(on_exit(with_status, "on_exit") == 0);
}
#else
static void register_on_exit(void) {} // musl has no on_exit
#endif

static int mixed(int count, char **arguments) {
  (void)count, (void)arguments;
  atexit(libc1);
  push_name(NULL, "1");
  atexit(libc2);
  push_name(NULL, "2");
  push_name(NULL, "3");
  register_on_exit();
  push_name(NULL, "4");
  atexit(libc3);
  return 5;
}

static void registers(void *unused) {
  (void)unused;
  say("registers\n");
  push_name(NULL, "inner 1");
  atexit(libc1);
  push_name(NULL, "inner 2");
}

static int in_a_handler(int count, char **arguments) {
  (void)count, (void)arguments;
  push_name(NULL, "1");
  atexit(libc2);
  push_name(NULL, "2");
  push(NULL, registers, NULL);
  push_name(NULL, "3");
  return 0;
}

static int phases(int count, char **arguments) {
  (void)count, (void)arguments;
  cexit_register(NULL, &(cexit_entry){.function = say_name, .context = "late", .phase = CExitPhaseLate}, NULL);
  push_name(NULL, "1");
  atexit(libc1);
  cexit_register(NULL, &(cexit_entry){.function = say_name, .context = "early", .phase = CExitPhaseEarly}, NULL);
  atexit(libc2);
  push_name(NULL, "2");
  return 0;
}

static void *open_library(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  CHECK(library != NULL);
  return library;
}

static int library(int count, char **arguments) { // PATH
  CHECK(count == 1);
  void *opened = open_library(arguments[0]);
  void (*use)(void) = NULL;
  *(void **)&use = dlsym(opened, "use_object");
  CHECK(use != NULL);
  push_name(NULL, "1");
  use();
  push_name(NULL, "2");
  use();
  push_name(NULL, "3");
  return 0;
}

static void churn(int times, const char *path) {
  for (int i = 0; i < times; i++) {
    void *opened = open_library(path);
    cexit_handler handler;
    CHECK(cexit_register(NULL, &(cexit_entry){.function = say_name}, &handler) == 0);
    CHECK(cexit_cancel(handler));
    CHECK(dlclose(opened) == 0);
  }
}

static size_t bytes_in_use(void) {
#if !defined __GLIBC__
  CHECK(!"this libc does not tell");
  return 0;
#elif __GLIBC_PREREQ(2, 33)
  return mallinfo2().uordblks;
#else
  return (size_t)mallinfo().uordblks;
#endif
}

// Libraries that come and go with an object each, and an entry that comes and goes with them.
static int memory(int count, char **arguments) { // PATH KEPT: entries registered in the course of the run that stay
  CHECK(count == 2);
  for (int i = atoi(arguments[1]); i-- > 0;) push_name(NULL, "kept");
  churn(100, arguments[0]);
  size_t before = bytes_in_use();
  churn(1000, arguments[0]);
  say("grown: %s\n", bytes_in_use() < before + 4096 ? "no" : "yes");
  return 0;
}

static void *both(void *unused) {
  (void)unused;
  for (int i = 0; i < 500; i++) {
    CHECK(atexit(libc1) == 0);
    push_name(NULL, "");
  }
  return NULL;
}

static int threads(int count, char **arguments) {
  (void)count, (void)arguments;
  pthread_t all[4];
  for (int i = 0; i < 4; i++) all[i] = start(both, NULL);
  for (int i = 0; i < 4; i++) join(all[i]);
  say("%zu\n", cexit_stack_count(NULL));
  return 0;
}

FIXTURE({"mixed", mixed}, {"in a handler", in_a_handler}, {"phases", phases}, {"library", library},
        {"memory", memory}, {"threads", threads})
