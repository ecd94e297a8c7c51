// SPDX-License-Identifier: Apache-2.0
//
// A fork: the library's fork handlers, and the repair of a child that was made without fork handlers.
//
// Fork handlers are registered when this code is loaded, before the program and most libraries can register theirs. So
// at a fork the library takes its locks last and gives them back first (POSIX, pthread_atfork): nobody who holds a lock
// of his own in a fork handler waits for ours, and the fork handlers of others may call this library.

#include "events.h"

static bool locked_for_fork, libc_locked_for_fork;

static void become_child(void) {
  cexit__process.born = ++cexit__process.epoch;
  cexit__exit_forked();
  cexit__runs_forked();
  cexit__uses_forked();
}

// A signal handler may fork while its own thread holds the lock. Parent and child return to the interrupted operation,
// so the lock stays locked.
static void before_fork(void) {
  libc_locked_for_fork = word_take(&cexit__libc_word) == 0;
  locked_for_fork = lock_take() == 0;
}

static void after_fork_in_parent(void) {
  if (locked_for_fork) lock_drop();
  if (libc_locked_for_fork) word_drop(&cexit__libc_word);
}

static void after_fork_in_child(void) {
  if (cexit__process_is_known()) {
    become_child();
    cexit__stacks_forked();
    cexit__process_settle();
  }
  if (locked_for_fork) atomic_store(&cexit__lock_word, 0);
  if (libc_locked_for_fork) atomic_store(&cexit__libc_word, 0);
}

__attribute__((constructor)) static void watch_forks(void) {
  pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

// In a copy that pthread_atfork did not see, a thread that no longer exists may hold the lock, in the middle of an
// operation. Such a lock is never dropped, so do not wait for the lock. No thread takes the lock before the repair.
bool cexit__recover(void) {
  uintptr_t holder = atomic_load(&cexit__lock_word) & ~(uintptr_t)1;
  if (holder == this_thread() || !cexit__process_repair()) return false;
  become_child();
  if ((atomic_load(&cexit__libc_word) & ~(uintptr_t)1) != this_thread()) atomic_store(&cexit__libc_word, 0);
  if (holder == 0)
    cexit__stacks_forked();
  else
    cexit__stacks_lost();
  atomic_store(&cexit__lock_word, 0);
  cexit__process_settle();
  cexit__process_repaired();
  return true;
}

void cexit__first_use(void) {
  static _Atomic bool done;
  if (atomic_exchange(&done, true)) return;
  if (!cexit__libc_refuses_late()) cexit__last_act_prepare(); // where late entries run, in the end
  cexit__trace_set_up();
}

int cexit__adopt(void) {
  int error = enter();
  if (error != 0) return error;
  cexit__process.born = 0;
  cexit__stacks_adopted();
  lock_drop();
  return 0;
}
