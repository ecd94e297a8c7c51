// SPDX-License-Identifier: Apache-2.0
// Exits at strange places: in the middle of the clean-up of others, before main, at the end of a thread.

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" // C leaves them out
#include "fixture.h"

#include <err.h>

static int leave(const char *way, int status) { // <return|exit|thread|door>
  if (strcmp(way, "exit") == 0) exit(status);
  if (strcmp(way, "door") == 0) cexit_exit(status);
  if (strcmp(way, "thread") == 0) {
    join(start([](void *code) -> void * { exit((int)(intptr_t)code); }, (void *)(intptr_t)status));
  }
  return status;
}

static void say_older() { say("libc's older\n"); }
static void say_newer() { say("libc's newer\n"); }

// Each case: libc's older handler, the stack's handler, what exits once more with 8, libc's newer handler.
static void register_older() {
  CHECK(atexit(say_older) == 0);
  push_name(NULL, "handler");
}

struct Leaver {
  const char *name;
  int status;
  ~Leaver() {
    say("%s is destroyed\n", name);
    if (status != 0) exit(status);
  }
};

static int in_static(int, char **arguments) {
  register_older();
  static Leaver older{"older static", 0};
  static Leaver leaver{"static that exits", 8};
  static Leaver newer{"newer static", 0};
  return leave(arguments[0], 3);
}

static int in_foreign_handler(int, char **arguments) {
  register_older();
  CHECK(atexit([] {
          say("libc's exits\n");
          exit(8);
        }) == 0);
  CHECK(atexit(say_newer) == 0);
  return leave(arguments[0], 3);
}

static thread_local Leaver of_a_thread{"thread-local", 8};

static int in_thread_local(int, char **arguments) { // of the thread that exits
  register_older();
  CHECK(of_a_thread.status == 8);
  return leave(arguments[0], 3);
}

static int at_thread_end(int, char **) { // no thread has called exit before
  register_older();
  join(start([](void *unused) -> void * {
    CHECK(of_a_thread.status == 8);
    return unused;
  }, NULL));
  return 99;
}

static int fork_in_foreign_handler(int, char **arguments) { // <way> <exit|door|_exit>: of the child
  static const char *childs;
  childs = arguments[1];
  register_older();
  CHECK(atexit([] {
          pid_t child = fork();
          if (child == 0) {
            push_name(NULL, "child's");
            if (strcmp(childs, "_exit") == 0) _exit(5);
            exit(leave(childs, 5));
          }
          say_end(child);
        }) == 0);
  return leave(arguments[0], 3);
}

static int main_ends(int, char **arguments) { // <way>: of the other thread; return: its end, and so the last thread's
  register_older();
  static const char *others;
  static pthread_t main_thread;
  others = arguments[0];
  main_thread = pthread_self();
  start([](void *unused) -> void * {
    CHECK(pthread_join(main_thread, NULL) == 0);
    say("main has ended\n");
    leave(others, 3);
    return unused;
  }, NULL);
  pthread_exit(NULL);
}

static int inside_libc(int, char **) { // with a line on stderr
  register_older();
  CHECK(atexit(say_newer) == 0);
  errx(3, "an error");
}

static int before_main(int, char **) { // early.c exits in its constructor
  say("main\n");
  return 99;
}

FIXTURE({"static", in_static}, {"foreign", in_foreign_handler}, {"thread-local", in_thread_local},
        {"thread-end", at_thread_end}, {"fork", fork_in_foreign_handler}, {"main-ends", main_ends},
        {"inside-libc", inside_libc}, {"before-main", before_main})
