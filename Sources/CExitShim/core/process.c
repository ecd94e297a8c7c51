// SPDX-License-Identifier: Apache-2.0
//
// Whose entries these are. An entry belongs to the process that registered it: a forked child must not delete its
// parent's files. Each entry carries an epoch, which grows at a fork; those below `born` are a parent's.
//
// pthread_atfork tells of fork(), but neither of _Fork() nor of a raw clone(); so every operation reads a page that
// the kernel wipes in each new address space (MADV_WIPEONFORK, Linux 4.14). No system call a registration.
// vfork() shares the address space and wipes nothing: there only the process id differs, asked for at exit.

#include "core.h"

static const _Atomic uint32_t nowhere = 0;
static _Atomic uint32_t assumed_here = HERE; // where the kernel wipes no page, pthread_atfork has to do

struct process cexit__process = {
    .here = &nowhere,
    .recent = {[0] = {&cexit__process,
                      0}}, // NULL, nobody, is not known yet either: its first registration sets things up
};

static _Atomic(_Atomic uint32_t *) page; // NULL until set up
static _Atomic pid_t process_id;

void cexit__process_settle(void) {
  atomic_store(&process_id, getpid()); // before the page: who reads HERE there reads this, too
  if (page == NULL) page = &assumed_here;
  atomic_store(page, HERE);
  cexit__process.here = page;
}

bool cexit__process_is_untold(void) {
  return page != NULL && atomic_load(page) != HERE;
}

int cexit__process_enter(void) {
  int saved = errno;
  _Atomic uint32_t *fresh = page == NULL ? cexit__map_wiped(HERE) : NULL;
  cexit__hooks.first_use();
  errno = saved;

  if (cexit__hooks.recover()) return 0;
  int error = lock_take();
  if (error == 0 && page == NULL) {
    page = fresh;
    fresh = NULL;
    cexit__process_settle();
  }
  if (error == 0) lock_drop();
  if (fresh != NULL) cexit__unmap_wiped(fresh);
  return error;
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
