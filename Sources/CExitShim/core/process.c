// SPDX-License-Identifier: Apache-2.0
//
// Which process an entry belongs to: the process that registered the entry. A forked child must not delete its parent's
// files. Each entry carries an epoch, which grows at a fork; entries of an epoch below `born` are a parent's.
//
// pthread_atfork tells of fork(), but neither of _Fork() nor of a raw clone(); so every operation reads a word that the
// kernel wipes in each copy of this memory (MADV_WIPEONFORK, Linux 4.14). No system call for each registration. vfork()
// shares the memory and wipes nothing: a child of vfork differs by its process id alone, which is asked for at exit.
//
// A process id alone says nothing: a child in a namespace of its own may have its parent's, and a dead process's comes
// round again. So threads and signal handlers ask for the number of this process, which grows with each fork.
//
//   HERE      the word of a process that is set up
//   0         wiped: a copy of such a process, before its first operation
//   REPAIRING one thread sets the copy up as a process, and the other threads wait (cexit__process_repair)

#include "core.h"

enum { REPAIRING = 2 };

static const _Atomic uint32_t nowhere = 0;
static _Atomic uint32_t assumed_here = HERE; // where the kernel wipes nothing

struct process cexit__process = {
    .here = &nowhere,
    .recent =
        {[0] =
             {&cexit__process,
              0}}, // NULL, no owner, is not known yet either: the first registration without an owner sets the process up
};

static _Atomic(_Atomic uint32_t *) page; // NULL until set up
static _Atomic pid_t process_id; // written before the word becomes HERE: a thread that reads HERE reads the number, too
static _Atomic uint32_t number;  // of this process, from 1; grows before the word becomes HERE

// Without a wiped word each operation asks for the process id. There, and while a file is told of each registration, the
// fast path is never taken: so the trace costs a registration nothing where no file is asked for.
void cexit__process_settle(void) {
  if (page == NULL) page = &assumed_here;
  atomic_fetch_add(&number, 1);
  atomic_store(&process_id, getpid());
  atomic_store(page, HERE);
  cexit__process.here = page != &assumed_here && !cexit__process.told ? page : &nowhere;
}

bool cexit__is_here_slowly(void) {
  if (page == NULL || atomic_load(page) != HERE) return false;
  if (page != &assumed_here) return true;
  pid_t known = atomic_load(&process_id);
  return known == getpid() || cexit__shares_memory_with(known);
}

bool cexit__process_is_known(void) {
  return page != NULL;
}

bool cexit__process_repair(void) {
  uint32_t wiped = 0;
  if (page == NULL || is_here()) return false;
  if (page == &assumed_here) wiped = HERE;
  if (atomic_compare_exchange_strong(page, &wiped, REPAIRING)) {
    // Where nothing is wiped, the word reads HERE after the repair of another thread, too; the process id is new by then.
    if (page != &assumed_here || atomic_load(&process_id) != getpid()) return true;
    atomic_store(page, HERE);
    cexit__process_repaired();
    return false;
  }
  while (atomic_load(page) == REPAIRING) cexit__futex_wait_for((const void *)page, REPAIRING, 1000000);
  return false;
}

void cexit__process_repaired(void) {
  cexit__futex_wake((const void *)page, INT32_MAX);
}

int cexit__process_enter(void) {
  int saved = errno;
  _Atomic uint32_t *fresh = page == NULL ? cexit__map_wiped(HERE) : NULL;
  if (page == NULL) cexit__hooks.before_use();
  if (cexit__hooks.recover()) return 0;
  int error = lock_take();
  if (error == 0 && !is_here()) {
    if (page == NULL) {
      page = fresh;
      fresh = NULL;
    }
    cexit__process_settle(); // or, the first thread was interrupted in the middle by its own exit
  }
  if (error == 0) lock_drop();
  if (error == 0) cexit__hooks.first_use();
  if (fresh != NULL) cexit__unmap_wiped(fresh);
  errno = saved;
  return error;
}

// The lock is taken only in a process that is set up. So a thread that repairs a copy may conclude that a held lock
// belongs to a thread of the parent.
int cexit__enter(void) {
  for (;;) {
    int error = is_here() ? lock_take() : cexit__process_enter();
    if (error != 0) return error;
    if (lock_is_held_here()) return 0;
  }
}

bool cexit__in_vfork_child(void) {
  pid_t known = atomic_load(&process_id);
  if (page == NULL || atomic_load(page) != HERE || known == getpid()) return false;
  return page != &assumed_here || cexit__shares_memory_with(known);
}

bool cexit__process_has_number(uint32_t wanted) {
  return page != NULL && is_here() && atomic_load(&number) == wanted;
}

uint32_t cexit__process_number(void) {
  return page != NULL && is_here() && atomic_load(&process_id) == getpid() ? atomic_load(&number) : 0;
}
