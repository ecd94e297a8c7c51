// SPDX-License-Identifier: Apache-2.0
// A function's static, which is built when the function is first called, and a thread-local object.

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" // C leaves them out
#include "real-library.h"

struct Register {
  const char *owner;
  volatile bool alive = true; // else the destructor's last write is optimized away
  ~Register() { alive = false; }
};

static Register &of_a_function() {
  static Register entries{"function's static"};
  return entries;
}
static thread_local Register of_the_thread{"thread-local"};
static Register *main_threads;

static void begin() {
  CHECK(of_a_function().alive);
  main_threads = &of_the_thread;
}

static void use() {
  say("%s %s, %s %s\n", of_a_function().owner, of_a_function().alive ? "alive" : "destroyed", main_threads->owner,
      main_threads->alive ? "alive" : "destroyed");
}
