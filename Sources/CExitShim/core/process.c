// SPDX-License-Identifier: Apache-2.0
//
// Whose entries these are. An entry belongs to the process that registered it: a forked child must not delete its
// parent's files. Each entry carries an epoch, which grows at a fork; those below `born` are a parent's.
//
// pthread_atfork tells of fork(), but neither of _Fork() nor of a raw clone(); so every operation reads a page that
// the kernel wipes in each new address space (MADV_WIPEONFORK, Linux 4.14). No system call a registration.
// vfork() shares the address space and wipes nothing: there only the process id differs, asked for at exit.

#include "../events/events.h"

#include <sys/mman.h>

static const _Atomic uint32_t nowhere = 0;
static _Atomic uint32_t assumed_here = HERE; // where the kernel wipes no page, pthread_atfork has to do

struct process cexit__process = {
    .here = &nowhere,
    .recent = {[0] = {&cexit__process,
                      0}}, // NULL, nobody, is not known yet either: its first registration sets things up
};

static _Atomic(_Atomic uint32_t *) page; // NULL until set up
static _Atomic int watching;             // pthread_atfork was called
static _Atomic pid_t process_id;
static bool locked_for_fork, libc_locked_for_fork;
static _Atomic uintptr_t libc_word; // held while a registration adds to libc's list

static void settle(void) {             // with the lock held, or alone: this process is the one from here on
  atomic_store(&process_id, getpid()); // before the page: who reads HERE there reads this, too
  if (page == NULL) page = &assumed_here;
  atomic_store(page, HERE);
  cexit__process.here = page;
}

static void become_child(void) {
  cexit__process.born = ++cexit__process.epoch;
  cexit__exit_forked();
  cexit__runs_forked();
  cexit__table_forked();
}

// A signal handler that forks in the middle of an operation of its own thread goes back to it, in parent and child:
// then the lock stays as it is.
static void before_fork(void) {
  libc_locked_for_fork = word_take(&libc_word) == 0;
  locked_for_fork = lock_take() == 0;
  cexit__table_before_fork();
}

static void after_fork_in_parent(void) {
  cexit__table_after_fork();
  if (locked_for_fork) lock_drop();
  if (libc_locked_for_fork) word_drop(&libc_word);
}

static void after_fork_in_child(void) {
  cexit__table_after_fork();
  settle();
  become_child();
  cexit__stacks_forked();
  if (locked_for_fork) atomic_store(&cexit__lock_word, 0);
  if (libc_locked_for_fork) atomic_store(&libc_word, 0);
}

// libc's list has a lock that fork does not look after: held by another thread at the fork, it would be held in the child
// for ever. What comes to the list at exit does not wait here.
int cexit__libc_enter(void) {
  return cexit__thread.in_libc ? EDEADLK : word_take(&libc_word);
}

void cexit__libc_leave(void) {
  word_drop(&libc_word);
}

bool cexit__libc_add(void (*function)(void *), void *argument, void *object) {
  if (cexit__libc_enter() != 0) return false;
  cexit__thread.in_libc = true;
  bool added = __cxa_atexit(function, argument, object) == 0;
  cexit__thread.in_libc = false;
  cexit__libc_leave();
  return added;
}

static _Atomic uint32_t *wiped_page(void) {
#ifdef MADV_WIPEONFORK
  size_t size = (size_t)sysconf(_SC_PAGESIZE);
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return NULL;
  _Atomic uint32_t *fresh = memory;
  atomic_store(fresh, HERE); // so that it reads otherwise in a child only
  if (madvise(memory, size, MADV_WIPEONFORK) == 0) return fresh;
  munmap(memory, size);
#endif
  return NULL;
}

int cexit__process_enter(void) {
  int saved = errno;
  _Atomic uint32_t *fresh = page == NULL ? wiped_page() : NULL;
  if (atomic_exchange(&watching, 1) == 0) {
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    cexit__thread_end_set_up();
  }
  errno = saved;

  if (cexit__process_recover()) return 0;
  int error = lock_take();
  if (error == 0 && page == NULL) {
    page = fresh;
    fresh = NULL;
    settle();
  }
  if (error == 0) lock_drop();
  if (fresh != NULL) munmap((void *)fresh, (size_t)sysconf(_SC_PAGESIZE));
  return error;
}

// In a child that pthread_atfork did not see, a thread that no longer exists may hold the lock, in the middle of an
// operation. The thread that forked is the only one here: what the lock says cannot be waited for.
bool cexit__process_recover(void) {
  uintptr_t holder = atomic_load(&cexit__lock_word) & ~(uintptr_t)1;
  if (page == NULL || atomic_load(page) == HERE || holder == this_thread()) return false;
  settle();
  become_child();
  if ((atomic_load(&libc_word) & ~(uintptr_t)1) != this_thread()) atomic_store(&libc_word, 0);
  if (holder == 0)
    cexit__stacks_forked();
  else
    cexit__stacks_lost();
  atomic_store(&cexit__lock_word, 0);
  return true;
}

int cexit__enter(void) {
  int error = lock_take();
  while (error == 0 && !is_here()) {
    lock_drop();
    if ((error = cexit__process_enter()) == 0) error = lock_take();
  }
  return error;
}

bool cexit__in_vfork_child(void) {
  const _Atomic uint32_t *here = atomic_load(&cexit__process.here); // and with it, what was stored before it
  return atomic_load(here) == HERE && atomic_load(&process_id) != getpid();
}

int cexit__adopt(void) {
  int error = enter();
  if (error != 0) return error;
  cexit__process.born = 0;
  cexit__stacks_adopted();
  lock_drop();
  return 0;
}
