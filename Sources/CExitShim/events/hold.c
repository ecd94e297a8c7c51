// SPDX-License-Identifier: Apache-2.0
//
// Holding the main thread. A signal's exit runs on a thread of its own, while the main thread goes on; so does an exit by
// another thread. A main thread that sleeps in the kernel (sleep, read, poll, accept…) is held in a signal handler: so main
// does not go on with an interrupted call while the exit runs, and handlers of the main actor need not wait for main
// (exit/main_thread.c). After dispatch_main the main thread has ended, and is left alone.
//
//   GOING --- the exiter asks, and sends main a signal ---> ASKED
//   ASKED --- main's signal handler has interrupted a system call ---> HELD: main sleeps in the handler
//   ASKED --- the handler has interrupted code, which may hold a lock of libc's ---> GOING
//   GOING --- a chosen signal comes to main itself, and interrupted a system call ---> HELD
//   HELD --- the exiter waits for a mutex that main has locked ---> GOING: main goes on, and may unlock the mutex

#include "events.h"

enum { GOING, ASKED, HELD };
static _Atomic uint32_t main_thread;

// Nanoseconds: the exiter waits for an answer, and then again while main is not asleep, so that the answer is to come; main
// looks at the exiter.
enum { MOST = 50000000, AGAIN = 20, LOOK = 250000000 };

static void stay(void) {
  int task = cexit__main_task();
  atomic_store(&main_thread, HELD);
  cexit__main_stands();
  cexit__futex_wake(&main_thread, 1);
  while (!cexit__task_waits_for_lock_of(atomic_load(&cexit__leaving.owner_task), task))
    cexit__futex_wait_for(&main_thread, HELD, LOOK);
  cexit__main_breaks_away();
  atomic_store(&main_thread, GOING);
}

// False while main runs handlers, or waits for a thread that runs handlers. After dispatch_main another thread serves the
// main actor, and may be at work.
static bool may_be_held(void) {
  return cexit__is_main_thread() && !cexit__thread.swift.has_ended && cexit__thread.running == NULL &&
         cexit__thread.manual_runs == 0 && !cexit__thread.at_gate && !cexit__gate_is_own(&cexit__leaving);
}

// Also where the signal comes late, since main had blocked the signal: the signal is not a second request.
bool cexit__hold_answer(const siginfo_t *info, const void *machine) {
  uint32_t asked = ASKED;
  if (!cexit__is_from_raise_on(info)) return false;
  if (may_be_held() && cexit__interrupted_a_call(machine)) return stay(), true;
  atomic_compare_exchange_strong(&main_thread, &asked, GOING);
  cexit__futex_wake(&main_thread, 1);
  return true;
}

void cexit__hold_interrupted(const void *machine) {
  if (may_be_held() && cexit__interrupted_a_call(machine)) stay();
}

bool cexit__hold_main(int number) {
  uint32_t going = GOING, asked = ASKED;
  int task = cexit__main_task();
  if (cexit__is_main_thread() || !cexit__main_thread_is_watched() || !cexit__task_is_asleep(task)) return false;
  if (!atomic_compare_exchange_strong(&main_thread, &going, ASKED)) return going == HELD;
  if (cexit__raise_on(task, number)) {
    for (int i = 0; i < AGAIN && atomic_load(&main_thread) == ASKED; i++) {
      cexit__futex_wait_for(&main_thread, ASKED, MOST);
      if (cexit__task_is_asleep(task)) break; // main blocks the signal
    }
  }
  if (atomic_compare_exchange_strong(&main_thread, &asked, GOING)) return false;
  return asked == HELD;
}

void cexit__hold_forked(void) {
  atomic_store(&main_thread, GOING);
}
