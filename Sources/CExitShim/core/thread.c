// SPDX-License-Identifier: Apache-2.0
//
// The memory of a thread, and the end of a thread, which a key of pthread_key_create notices: a thread sets the value
// of the key before the thread runs handlers.

#include "../platform/platform.h"
#include "lock.h"

PER_THREAD struct thread cexit__thread;

static pthread_key_t end_key;
static _Atomic bool has_end_key;

bool cexit__is_main_thread(void) {
  cexit_thread *swift = &cexit__thread.swift; // a main thread stays the main thread, in a forked child, too
  return swift->is_main || (swift->is_main = cexit__task() == cexit__main_task());
}

cexit_thread *cexit__this_thread(void) {
  return &cexit__thread.swift;
}

static _Atomic bool main_is_watched; // false after its end, too

void cexit__watch_main_thread(void) {
  if (cexit__is_main_thread() && cexit__watch_this_thread()) atomic_store(&main_is_watched, true);
}

void cexit__main_thread_ends(void) {
  if (cexit__is_main_thread()) atomic_store(&main_is_watched, false);
}

bool cexit__main_thread_is_watched(void) {
  return atomic_load(&main_is_watched);
}

int cexit__thread_ends_prepare(void (*ended)(void *)) {
  int error = pthread_key_create(&end_key, ended);
  if (error == 0) atomic_store(&has_end_key, true);
  return error;
}

void cexit__thread_ends_forget(void) {
  if (atomic_exchange(&has_end_key, false)) pthread_key_delete(end_key);
}

bool cexit__watch_this_thread(void) {
  if (!cexit__thread.end_watched && atomic_load(&has_end_key))
    cexit__thread.end_watched = pthread_setspecific(end_key, &cexit__thread) == 0;
  return cexit__thread.end_watched;
}
