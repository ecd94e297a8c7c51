// SPDX-License-Identifier: Apache-2.0
//
// Threads of this library's own: the thread that exits on a signal, and the thread that watches the time. Each belongs to
// the process that asked for the thread; a forked child has none until the child asks.
//
// These threads must not keep a process alive: when main has left with pthread_exit, the last thread to end exits with
// status 0, and to libc these are threads like all other threads. So from the end of main on a thread looks which threads
// are left. Where the end of main cannot be noticed, since this code was loaded on another thread, that thread looks from
// the start.

#include "watch.h"

static _Atomic unsigned helpers;
static _Atomic uintptr_t starting; // held while a thread is made: a second thread that asks has to know the result

static int start(void *(*run)(void *), void *argument, const char *name) {
  sigset_t all, before;
  pthread_attr_t attributes;
  pthread_t thread;
  int error = pthread_attr_init(&attributes);
  if (error != 0) return error;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before); // the program's signals are not for the thread
  error = pthread_create(&thread, &attributes, run, argument);
  if (error == 0) pthread_setname_np(thread, name);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  if (error == 0) atomic_fetch_add(&helpers, 1);
  return error;
}

// ---- Who is left

// Where main lives on in a destructor, as in dispatch_main, there is nothing to look for.
static void *look_who_is_left(void *from_the_start) {
  uint64_t pause = 1000000, most = 250000000, began = cexit__now();
  bool gone = false;
  while (gone || from_the_start != NULL || cexit__now() - began < 2000000000) {
    gone = gone || cexit__main_thread_has_ended();
    if (gone && cexit__threads_are_at_most(1 + atomic_load(&helpers))) exit(0);
    nanosleep(&(struct timespec){0, (long)pause}, NULL);
    if ((pause *= 2) > most) pause = most;
  }
  atomic_fetch_sub(&helpers, 1);
  return NULL;
}

static void start_looking(void *from_the_start) {
  if (start(look_who_is_left, from_the_start, "exit at the end") != 0)
    cexit__say("no thread can be made that ends the process when the last thread has ended");
}

void cexit__helpers_thread_ended(void) {
  if (atomic_load(&helpers) != 0 && cexit__is_main_thread() && !cexit__is_exiting()) start_looking(NULL);
}

static void look_from_the_start(uint32_t here) {
  static _Atomic uint32_t looks;
  if (atomic_exchange(&looks, here) != here) start_looking(&looks);
}

// ---- Starting one

int cexit__helper_start(_Atomic uint32_t *home, void *(*run)(void *), const char *name) {
  uint32_t here = cexit__process_number();
  int error = word_take(&starting);
  if (error != 0) return error;
  if (atomic_load(home) != here) {
    cexit__pin(); // code that a thread is in must stay where it is
    error = start(run, NULL, name);
    if (error == 0) atomic_store(home, here);
    if (error == 0) cexit__watch_main_thread();
    if (error == 0 && !cexit__main_thread_is_watched()) look_from_the_start(here);
  }
  word_drop(&starting);
  return error;
}

void cexit__helpers_forked(void) {
  atomic_store(&starting, 0);
  atomic_store(&helpers, 0);
}
