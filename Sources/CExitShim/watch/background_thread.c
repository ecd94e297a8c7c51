// SPDX-License-Identifier: Apache-2.0
//
// Threads of this library's own: the one that exits on a signal, and the one that watches the time. Each belongs to
// the process that asked for it; a forked child has none until it asks itself.
//
// They must not keep a process alive: when main has left with pthread_exit, the last thread to end exits with status 0,
// and to libc these are threads like all others. So from then on, and only then, somebody looks who is left.

#include "watch.h"

#include <sys/stat.h>

static _Atomic unsigned helpers;

static int start(void *(*run)(void *), const char *name) {
  sigset_t all, before;
  pthread_attr_t attributes;
  pthread_t thread;
  int error = pthread_attr_init(&attributes);
  if (error != 0) return error;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before); // the program's signals are not for it
  error = pthread_create(&thread, &attributes, run, NULL);
  if (error == 0) pthread_setname_np(thread, name);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  if (error == 0) atomic_fetch_add(&helpers, 1);
  return error;
}

int cexit__helper_start(_Atomic pid_t *home, void *(*run)(void *), const char *name) {
  pid_t seen = atomic_load(home), here = getpid();
  if (seen == here || !atomic_compare_exchange_strong(home, &seen, here)) return 0; // it is there, or on its way
  cexit__owner_pin(&__dso_handle); // code that a thread is in must stay where it is
  int error = start(run, name);
  if (error != 0)
    atomic_store(home, 0);
  else if (cexit__is_main_thread())
    cexit__watch_this_thread();
  return error;
}

void cexit__helpers_forked(void) {
  atomic_store(&helpers, 0);
}

// ---- Who is left

static bool main_thread_is_gone(void) {
  char path[64], text[256], *state = NULL;
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)getpid());
  int file = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = file >= 0 ? read(file, text, sizeof text - 1) : -1;
  if (file >= 0) close(file);
  if (length > 0) {
    text[length] = 0;
    state = strrchr(text, ')'); // behind a name that may be anything
  }
  return state != NULL && strncmp(state, ") Z", 3) == 0;
}

static bool nobody_is_left(void) {
  struct stat tasks;
  return stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink <= 2 + 1 + atomic_load(&helpers);
}

// Where main lives on in a destructor, as dispatch_main has it, there is nothing to look for.
static void *look_who_is_left(void *unused) {
  (void)unused;
  uint64_t pause = 1000000, most = 250000000, began = cexit__now();
  bool gone = false;
  while (gone || cexit__now() - began < 2000000000) {
    gone = gone || main_thread_is_gone();
    if (gone && nobody_is_left()) exit(0);
    nanosleep(&(struct timespec){0, (long)pause}, NULL);
    if ((pause *= 2) > most) pause = most;
  }
  atomic_fetch_sub(&helpers, 1);
  return NULL;
}

void cexit__helpers_thread_ended(void) {
  if (atomic_load(&helpers) != 0 && cexit__is_main_thread() && !cexit__is_exiting())
    start(look_who_is_left, "exit at the end");
}
