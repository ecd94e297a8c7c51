// SPDX-License-Identifier: Apache-2.0
//
// Exits called by jobs. While a thread waits for a handler, its copy of the Swift layer observes exits: the handler's job
// may have hopped to the thread that exits, and then the job never ends. A copy observes no longer than that, since the
// copy may be part of a plugin, whose code goes. So whoever ends an observation waits for the calls that are under way.

#include "swift.h"

enum { OBSERVERS = 16, PATIENCE = 1000 };

static struct observer {
  void (*function)(const int *status); // NULL: free
  uint32_t uses;
} observers[OBSERVERS];          // with the lock held
static _Atomic uint32_t calling; // threads that call observers

static struct observer *find(void (*function)(const int *)) { // with the lock held; NULL: not there
  for (int i = 0; i < OBSERVERS; i++) {
    if (observers[i].function == function) return &observers[i];
  }
  return NULL;
}

bool cexit__observe_exit(void (*function)(const int *status)) {
  if (enter() != 0) return false;
  struct observer *observer = find(function);
  if (observer == NULL) observer = find(NULL);
  if (observer != NULL) {
    observer->function = function;
    observer->uses++;
  }
  lock_drop();
  return observer != NULL;
}

// A thread that a signal handler keeps in such a call is not waited for without end: the exit must go on.
static void wait_for_calls(void) {
  for (int i = 0; i < PATIENCE && atomic_load(&calling) != 0; i++) nanosleep(&(struct timespec){0, 100000}, NULL);
}

void cexit__unobserve_exit(void (*function)(const int *status)) {
  if (enter() != 0) return;
  struct observer *observer = find(function);
  bool last = observer != NULL && --observer->uses == 0;
  if (last) observer->function = NULL;
  lock_drop();
  if (last) wait_for_calls();
}

void cexit__exit_called(const int *status) {
  struct observer now[OBSERVERS];
  if (enter() != 0) return;
  memcpy(now, observers, sizeof now);
  atomic_fetch_add(&calling, 1);
  lock_drop();
  for (int i = 0; i < OBSERVERS; i++) {
    if (now[i].function != NULL) now[i].function(status);
  }
  atomic_fetch_sub(&calling, 1);
}
