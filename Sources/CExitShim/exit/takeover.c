// SPDX-License-Identifier: Apache-2.0
//
// An exiter that cannot go on. A thread that waits for the exit looks at the exiter now and then, and takes the exit over:
//
//   the exiter's thread has ended, unnoticed (the raw system call; no key of pthread_key_create was left),
//     or in a handler of libc's that quick_exit runs
//   the exiter, at a door, ran a handler that called plain exit: the exiter waits for libc's exit lock, and the thread
//     that looks has that lock, since it waits at a slot (glibc 2.41)
//   the exiter, in libc's exit, waits for the loader's lock: the thread that looks may have that lock, since a constructor
//     of an object that is being loaded may call exit

#include "exit.h"

static bool waits_for_us(const struct process_exit *leaving, int task, bool at_slot) {
  uintptr_t word = cexit__task_sleeps_on(task);
  if (word == 0) return false;
  bool inside = (atomic_load(&leaving->owner) & ~(uintptr_t)ENTERING) == atomic_load(&leaving->inside);
  if (inside) return cexit__libc_object(word) == LOADER;
  return at_slot && cexit__libc_locks_exit() && cexit__libc_object(word) == LIBC;
}

bool cexit__gate_take_over(struct process_exit *leaving, bool at_slot, uintptr_t seen) {
  uintptr_t thread = seen & ~(uintptr_t)ENTERING;
  int task = atomic_load(&leaving->owner_task);
  if (task == 0 || atomic_load(&leaving->owner) != seen) return false;
  bool ended = cexit__task_has_ended(task);
  if (!ended && !waits_for_us(leaving, task, at_slot)) return false;
  if (!atomic_compare_exchange_strong(&leaving->owner, &seen, this_thread())) return false;
  atomic_store(&leaving->owner_task, cexit__task());
  atomic_store(&leaving->left_behind, thread);
  if (!at_slot && atomic_load(&leaving->inside) == thread) leaving->libc_is_taken = true;
  if (at_slot) atomic_store(&leaving->inside, this_thread());
  return true;
}
