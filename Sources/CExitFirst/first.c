// SPDX-License-Identifier: Apache-2.0
//
// Plain exit and the return from main become doors. Every object of the process finds these functions before libc's.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "include/CExitFirst.h"

#include <CExitBinding.h>

#include <dlfcn.h>
#include <stdatomic.h>

// Weak: in a static executable libc's own comes first, and a program may define exit, too.
#define IN_FRONT_OF_LIBC __attribute__((weak, visibility("default")))
#pragma weak dlsym

typedef void function(void);
typedef int main_function(int count, char **arguments, char **environment);
typedef int starter(main_function *main, int count, char **arguments, function *init, function *fini, function *end,
                    void *stack);

// The linker's names for wrapped functions (--wrap).
extern CEXIT_NORETURN void __real_exit(int status) __attribute__((weak));
extern starter __real___libc_start_main __attribute__((weak));

starter __wrap___libc_start_main;
starter __libc_start_main IN_FRONT_OF_LIBC;

// Defined by CExitOrder, too, with another letter: linking both is an error, or check() tells them apart.
extern const char cexit_order_or_first;
__attribute__((visibility("default"))) const char cexit_order_or_first = 'f';

static function *libcs(const char *name, function *wrapped) {
  return wrapped != NULL ? wrapped : dlsym != NULL ? (function *)dlsym(RTLD_NEXT, name) : NULL;
}

// ---- exit

static function *_Atomic libcs_exit; // looked for once: dlsym takes a lock that may be held while an object is loaded

static function *find_exit(void) {
  function *found = atomic_load_explicit(&libcs_exit, memory_order_relaxed);
  if (found != NULL) return found;
  found = libcs("exit", (function *)__real_exit);
  atomic_store_explicit(&libcs_exit, found, memory_order_relaxed);
  return found;
}

static CEXIT_NORETURN void enter_libc(int status) {
  void (*libcs)(int) = (void (*)(int))find_exit();
  if (libcs != NULL) libcs(status);
  fflush(NULL); // libc's exit cannot be found: the last things that libc would do
  _exit(status);
}

static CEXIT_NORETURN __attribute__((used)) void leave(int status) {
  if (cexit_is_entering_libc()) enter_libc(status);
  cexit_exit(status);
}

CEXIT_NORETURN void exit(int status) __attribute__((weak, visibility("default"), alias("leave")));
CEXIT_NORETURN void __wrap_exit(int status) __attribute__((alias("leave")));

// ---- main

static main_function *programs_main;

static void say(const char *line) {
  cexit_write_line(line, strlen(line));
}

static void check(void) {
  bool both = cexit_order_or_first != 'f' || (dlsym != NULL && dlsym(RTLD_NEXT, "cexit_order_or_first") != NULL);
  if (both) say("ExitKit: CExitFirst and CExitOrder are both linked: CExitOrder's order holds; link one of them\n");
  bool in_front = __real_exit != NULL || dlsym == NULL || dlsym(RTLD_DEFAULT, "exit") == (void *)(function *)leave;
  if (!in_front)
    say("ExitKit: CExitFirst is not in front: another definition of exit is found first, so handlers run in its "
        "order\n");
}

static int main_and_exit(int count, char **arguments, char **environment) {
  find_exit();
  cexit_is_pending((cexit_handler){0}); // sets the library up: a child of vfork is told from this process by that
  check();
  leave(programs_main(count, arguments, environment));
}

// In a static executable nothing works before libc's own has begun.
static int start(main_function *main, int count, char **arguments, function *init, function *fini, function *end,
                 void *stack) {
  starter *libcs_start = (starter *)libcs("__libc_start_main", (function *)__real___libc_start_main);
  programs_main = main;
  return libcs_start(main_and_exit, count, arguments, init, fini, end, stack);
}

int __libc_start_main(main_function *main, int count, char **arguments, function *init, function *fini, function *end,
                      void *stack) {
  return start(main, count, arguments, init, fini, end, stack);
}

int __wrap___libc_start_main(main_function *main, int count, char **arguments, function *init, function *fini,
                             function *end, void *stack) {
  return start(main, count, arguments, init, fini, end, stack);
}
