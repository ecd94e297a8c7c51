// SPDX-License-Identifier: Apache-2.0
//
// The functions that put handlers on libc's list. Found before libc's by every object of the process, they say that the
// stack's slot is no longer the newest: before they go on, so that an unneeded slot can make room, and afterwards.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CExitOrder.h"

#include <dlfcn.h>
#include <stdatomic.h>

// Weak: in a static executable libc's own comes first, and is not to be said twice.
#define IN_FRONT_OF_LIBC __attribute__((weak, visibility("default")))

// Defined by CExitFirst, too: a program links CExitOrder or CExitFirst.
extern const char cexit_order_or_first;
__attribute__((visibility("default"))) const char cexit_order_or_first = 'o';

typedef void function(void);

// Looked for once: dlsym takes a lock that a thread may hold for long while loading an object.
static function *libcs(const char *name, function *_Atomic *known) {
  function *found = atomic_load_explicit(known, memory_order_relaxed);
  if (found == NULL) atomic_store_explicit(known, found = (function *)dlsym(RTLD_NEXT, name), memory_order_relaxed);
  return found;
}

static int marked_after(int result) {
  cexit_mark_next();
  return result;
}
#define BETWEEN_MARKS(call) (cexit_mark_next(), marked_after(call))

typedef int cxa_registrar(void (*handler)(void *), void *argument, void *object);
cxa_registrar __cxa_atexit IN_FRONT_OF_LIBC;

int __cxa_atexit(void (*handler)(void *), void *argument, void *object) {
  static function *_Atomic known;
  cxa_registrar *registrar = (cxa_registrar *)libcs("__cxa_atexit", &known);
  return registrar == NULL ? -1 : BETWEEN_MARKS(registrar(handler, argument, object));
}

// The linker's name for a wrapped __cxa_atexit (--wrap).
extern cxa_registrar __real___cxa_atexit __attribute__((weak));
cxa_registrar __wrap___cxa_atexit;

int __wrap___cxa_atexit(void (*handler)(void *), void *argument, void *object) {
  return __real___cxa_atexit == NULL ? -1 : BETWEEN_MARKS(__real___cxa_atexit(handler, argument, object));
}

// The same for atexit: musl's calls __cxa_atexit without the linker's name.
int __wrap_atexit(function *handler);

int __wrap_atexit(function *handler) {
  return __wrap___cxa_atexit((void (*)(void *))handler, NULL, NULL);
}

#ifdef __GLIBC__
// There atexit is part of each object and calls __cxa_atexit, which passes the status, too: all that on_exit needs. To
// call libc's own would not do in a static executable, which has none beside this one.
typedef int on_exit_registrar(void (*handler)(int, void *), void *argument);
on_exit_registrar on_exit IN_FRONT_OF_LIBC;

struct status_handler {
  void (*handler)(int, void *);
  void *argument;
};

static void call_with_status(void *context, int status) {
  struct status_handler *registered = context;
  registered->handler(status, registered->argument);
}

int on_exit(void (*handler)(int, void *), void *argument) {
  struct status_handler *registered = malloc(sizeof *registered);
  if (registered == NULL) return -1;
  *registered = (struct status_handler){handler, argument};
  int error = BETWEEN_MARKS(__cxa_atexit((void (*)(void *))(function *)call_with_status, registered, NULL));
  if (error != 0) free(registered);
  return error;
}
#else
typedef int atexit_registrar(function *handler);
atexit_registrar atexit IN_FRONT_OF_LIBC;

int atexit(function *handler) {
  static function *_Atomic known;
  atexit_registrar *registrar = (atexit_registrar *)libcs("atexit", &known);
  return registrar == NULL ? -1 : BETWEEN_MARKS(registrar(handler));
}
#endif
