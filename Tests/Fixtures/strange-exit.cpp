// SPDX-License-Identifier: Apache-2.0
// Exits at strange places: in the middle of the clean-up of others, before main, at the end of a thread.

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" // C leaves them out
#include "fixture.h"

#include <err.h>
#include <signal.h>
#include <sys/syscall.h>

#ifdef __GLIBC__
#if !__GLIBC_PREREQ(2, 34) // older glibc has no _Fork
#define _Fork() ((pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL))
#endif
#endif

#ifdef NO_CXX_LIBRARY
// For another libc there is no C++ library: this function of it calls the destructor of a thread-local as libstdc++ does.
extern "C" __attribute__((weak)) int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
extern "C" int __cxa_thread_atexit(void (*destroy)(void *), void *object, void *owner) {
  if (__cxa_thread_atexit_impl != NULL) return __cxa_thread_atexit_impl(destroy, object, owner);
  static void (*function)(void *); // musl: the data of a thread are destroyed at its end, and those of main by atexit
  static pthread_key_t key;
  function = destroy;
  CHECK(pthread_key_create(&key, destroy) == 0 && pthread_setspecific(key, object) == 0);
  return atexit([] {
    void *left = pthread_getspecific(key);
    CHECK(pthread_setspecific(key, NULL) == 0);
    if (left != NULL) function(left);
  });
}
#endif

static int leave(const char *way, int status) { // <return|exit|thread|door>
  if (strcmp(way, "exit") == 0) exit(status);
  if (strcmp(way, "door") == 0) cexit_exit(status);
  if (strcmp(way, "thread") == 0) {
    join(start([](void *code) -> void * { exit((int)(intptr_t)code); }, (void *)(intptr_t)status));
  }
  return status;
}

static void say_older() {
  say("libc's older\n");
}
static void say_newer() {
  say("libc's newer\n");
}

// Each case: libc's older handler, the stack's handler, what exits once more with 8, libc's newer handler.
static void register_older() {
  CHECK(atexit(say_older) == 0);
  push_name(NULL, "handler");
}

static const char *of_a_destructor = "exit"; // how a destructor leaves

struct Leaver {
  const char *name;
  int status;
  ~Leaver() {
    say("%s is destroyed\n", name);
    if (status != 0) leave(of_a_destructor, status);
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

// <end|pthread_exit|exit|door>: of a thread; <exit|door>: of the destructor of its thread-local. No thread has exited before.
static int in_threads_local(int, char **arguments) {
  register_older();
  of_a_destructor = arguments[1];
  join(start(
      [](void *way) -> void * {
        CHECK(of_a_thread.status == 8);
        if (strcmp((const char *)way, "pthread_exit") == 0) pthread_exit(NULL);
        leave((const char *)way, 3);
        return NULL;
      },
      arguments[0]));
  return 99;
}

static pid_t make_child(const char *way) { // <fork|_Fork|clone>: no handler of pthread_atfork knows of the last two
  if (strcmp(way, "_Fork") == 0) return _Fork();
  if (strcmp(way, "clone") == 0) return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
  return fork();
}

// <way> <fork|_Fork|clone> <exit|door|_exit|return>: of the child; return: the child goes on in its parent's exit.
static int fork_in_foreign_handler(int, char **arguments) {
  static const char *makes, *childs;
  makes = arguments[1];
  childs = arguments[2];
  register_older();
  CHECK(atexit([] {
          pid_t child = make_child(makes);
          if (child != 0) return say_end(child);
          push_name(NULL, "child's");
          if (strcmp(childs, "_exit") == 0) _exit(5);
          leave(childs, 5);
        }) == 0);
  return leave(arguments[0], 3);
}

// <way>: of the other thread; return: its end, and so the last thread's
static int main_ends(int, char **arguments) {
  register_older();
  if (strcmp(arguments[0], "signal") == 0) CHECK(cexit_exit_on_signals(NULL, 0) == 0);
  static const char *others;
  static pthread_t main_thread;
  others = arguments[0];
  main_thread = pthread_self();
  start(
      [](void *unused) -> void * {
        CHECK(pthread_join(main_thread, NULL) == 0);
        say("main has ended\n");
        if (strcmp(others, "signal") == 0) kill(getpid(), SIGTERM), pause();
        leave(others, 3);
        return unused;
      },
      NULL);
  pthread_exit(NULL);
}

static int inside_libc(int, char **) { // with a line on stderr
  register_older();
  CHECK(atexit(say_newer) == 0);
  errx(3, "an error");
}

static int before_main(int, char **) { // strange-exit-early.c exits in its constructor
  say("main\n");
  return 99;
}

FIXTURE({"static", in_static}, {"foreign", in_foreign_handler}, {"thread-local", in_thread_local},
        {"thread-end", in_threads_local}, {"fork", fork_in_foreign_handler}, {"main-ends", main_ends},
        {"inside-libc", inside_libc}, {"before-main", before_main})
