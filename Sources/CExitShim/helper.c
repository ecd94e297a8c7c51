// SPDX-License-Identifier: Apache-2.0
//
// Threads of this library's own: the one that exits on a signal, and the one that watches the time. Each belongs to
// the process that asked for it; a forked child has none until it asks itself.

#include "internal.h"

int cexit_helper_start(_Atomic pid_t *home, void *(*run)(void *), const char *name) {
  pid_t seen = atomic_load(home), here = getpid();
  if (seen == here || !atomic_compare_exchange_strong(home, &seen, here)) return 0; // it is there, or on its way

  // Code that a thread is in must stay where it is.
  cexit_owner_pin(&__dso_handle);
  sigset_t all, before;
  pthread_attr_t attributes;
  pthread_t thread;
  sigfillset(&all);
  int error = pthread_attr_init(&attributes);
  if (error == 0) {
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_BLOCK, &all, &before); // the program's signals are not for it
    error = pthread_create(&thread, &attributes, run, NULL);
    if (error == 0) pthread_setname_np(thread, name);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
  }
  if (error != 0) atomic_store(home, 0);
  return error;
}
