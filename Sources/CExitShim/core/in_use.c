// SPDX-License-Identifier: Apache-2.0
//
// Which shared objects have handlers at work: dlclose of such an object waits (events/unload.c). A use begins when a
// run takes the handler, with the lock held, and ends after the handler and its release have returned. A thread
// remembers its own uses, so that a use ends also where a handler ends its thread or exits. The thread remembers first
// and forgets last: the exit of a signal handler that came in between counts one use too few, and never waits for ever.

#include "core.h"

TABLE _Atomic uint32_t cexit__uses[1 << 12]; // by the number of the owner; no lock
static _Atomic uint32_t changes; // grows when a use ends while a thread waits; that thread sleeps on this word
static _Atomic uint32_t waiting;

void cexit__use_begins(unsigned owner) {
  struct thread *here = &cexit__thread;
  if (here->use_count == sizeof here->used / sizeof *here->used) return; // nested so deep, the use is not noted
  here->used[here->use_count++] = (uint16_t)owner;
  atomic_fetch_add(&cexit__uses[owner], 1);
}

void cexit__use_ends(unsigned owner) {
  struct thread *here = &cexit__thread;
  if (here->use_count == 0 || here->used[here->use_count - 1] != owner) return;
  atomic_fetch_sub(&cexit__uses[owner], 1);
  here->use_count--;
  if (atomic_load(&waiting) == 0) return;
  atomic_fetch_add(&changes, 1);
  cexit__futex_wake(&changes, INT32_MAX);
}

void cexit__uses_end(void) {
  struct thread *here = &cexit__thread;
  while (here->use_count != 0) cexit__use_ends(here->used[here->use_count - 1]);
}

bool cexit__wait_while_used(unsigned owner) {
  uint32_t own = 0;
  bool waited = false;
  for (unsigned i = 0; i < cexit__thread.use_count; i++) own += cexit__thread.used[i] == owner;
  atomic_fetch_add(&waiting, 1);
  for (uint32_t seen; seen = atomic_load(&changes), (int32_t)(atomic_load(&cexit__uses[owner]) - own) > 0;
       waited = true)
    cexit__futex_wait(&changes, seen);
  atomic_fetch_sub(&waiting, 1);
  return waited;
}

void cexit__uses_forked(void) { // no other thread came along
  for (unsigned i = 0; i < sizeof cexit__uses / sizeof *cexit__uses; i++) {
    if (atomic_load_explicit(&cexit__uses[i], memory_order_relaxed) != 0) atomic_store(&cexit__uses[i], 0);
  }
  for (unsigned i = 0; i < cexit__thread.use_count; i++) atomic_fetch_add(&cexit__uses[cexit__thread.used[i]], 1);
  atomic_store(&waiting, 0);
}
