// SPDX-License-Identifier: Apache-2.0
//
// The main thread at the gate. A main thread that returned from main or called exit never returns to its earlier work.
// While another thread exits, main stands at the gate, and the handlers of the main actor may run on another thread,
// one thread at a time, as if on main. After dispatch_main the thread that serves the main queue takes main's part.
//
//   GOES --- main comes to the gate ---> STANDS --- a thread borrows main ---> LENT --- gives main back ---> STANDS
//   STANDS or LENT --- a held main has locked a mutex that the exiter waits for ---> GOES, beside a handler of the main actor
//   GOES or STANDS --- the gate is free: main is the exiter ---> EXITS

#include "exit.h"

enum { GOES, STANDS, LENT, EXITS };
static _Atomic uint32_t place; // a borrower changes STANDS, and LENT if main has not; main changes every other state

void cexit__main_stands(void) {
  atomic_store(&place, STANDS);
}

void cexit__main_goes_on(void) {
  for (uint32_t seen = STANDS; !atomic_compare_exchange_strong(&place, &seen, GOES); seen = STANDS) {
    if (seen == GOES) return; // this is a forked child
    cexit__futex_wait(&place, seen);
  }
}

void cexit__main_breaks_away(void) {
  atomic_store(&place, GOES);
}

void cexit__main_leads(void) {
  atomic_store(&place, EXITS);
}

bool cexit__main_exits(void) {
  return atomic_load(&place) == EXITS;
}

bool cexit__main_borrow(void) {
  uint32_t stands = STANDS;
  return atomic_compare_exchange_strong(&place, &stands, LENT);
}

void cexit__main_give_back(void) {
  uint32_t lent = LENT;
  if (atomic_compare_exchange_strong(&place, &lent, STANDS)) cexit__futex_wake(&place, 1);
}

void cexit__main_forked(void) {
  atomic_store(&place, GOES);
}
