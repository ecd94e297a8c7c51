// SPDX-License-Identifier: Apache-2.0
//
// One process, one stack. A process may hold several copies of this library: in the executable, in plugins, in a shared
// object. Copies do not see each other's symbols, but the loader sees all copies. Each copy carries an ELF note with
// the distance to its table of functions. The first copy that is used becomes the leader; all other copies call through
// the leader's table.
//
//   (not known) --- no copy has claimed ---> this copy is the leader, for as long as its object is loaded
//        |
//        +---- a copy has claimed ---------> that copy is the leader: its object is pinned, and this is so for ever
//
// A copy claims only for itself: another copy could be half loaded. With glibc the walk over the objects holds the
// loader's lock, which is recursive, so one copy at a time looks and claims. With musl the walk holds no lock, but
// objects are never unloaded and new objects come last: with musl the first copy in the list is the leader.

#include "../events/events.h"

#include "copies.h"

#include <link.h>

#ifndef CEXIT_COPY_SIZE // a test defines a smaller size, to make an older copy
#define CEXIT_COPY_SIZE sizeof(struct cexit__copy)
#endif

struct cexit__copy cexit__copy = {
    .sharing = CEXIT_SHARING,
    .size = CEXIT_COPY_SIZE,
#define CEXIT_SHARED(policy, type, name, parameters, arguments) .name = cexit__##name,
#include "api.h"
};

const struct cexit__copy *_Atomic cexit__leader = &cexit__copy;

// The linker takes layout.c out of a static library for this reference.
__attribute__((used)) static const struct layout *const layout = &cexit__layout;

// Owner, length of the contents, type, contents: the distance to the table, which the linker computes.
#define NOTE_OWNER "CExitShim"
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
__asm__(".pushsection .note.CExitShim, \"a\", %note\n"
        ".balign 4\n"
        ".long 10, 4, 1\n"
        ".asciz \"" NOTE_OWNER "\"\n"
        ".balign 4\n"
        ".long cexit__copy - .\n"
        ".popsection\n");

struct search {
  const struct cexit__copy *home; // NULL: no copy has claimed
  bool complains;
  char path[4096]; // of the object with that copy; empty: the executable
};

static const struct cexit__copy *home_in(const ElfW(Nhdr) * note) {
  static const char owner[12] = NOTE_OWNER;
  const char *text = (const char *)(note + 1);
  if (note->n_namesz != sizeof NOTE_OWNER || note->n_descsz != 4 || memcmp(text, owner, sizeof owner) != 0) return NULL;
  const int32_t *way = (const int32_t *)(text + sizeof owner);
  return (const struct cexit__copy *)((const char *)way + *way);
}

static bool has_claimed(const struct cexit__copy *home) {
#ifdef __GLIBC__
  return atomic_load(&home->claimed) != 0;
#else
  return home->sharing == CEXIT_SHARING || atomic_load(&home->claimed) != 0;
#endif
}

static void complain(const char *path) {
  cexit__say("%800s has an exit stack of its own: it brings an incompatible version of CExitShim",
             path[0] != 0 ? path : "the executable");
}

static void look_at(const struct cexit__copy *home, const char *path, struct search *search) {
  if (home == NULL || search->home != NULL || !has_claimed(home)) return;
  if (home->sharing != CEXIT_SHARING) {
    if (search->complains) complain(path);
    return;
  }
  search->home = home;
  size_t length = strlen(path);
  if (length < sizeof search->path) memcpy(search->path, path, length + 1);
}

static size_t rounded(size_t size, size_t unit) {
  return (size + unit - 1) & ~(unit - 1);
}

static int look_in(struct dl_phdr_info *object, size_t size, void *context) {
  (void)size;
  struct search *search = context;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
    if (segment->p_type != PT_NOTE) continue;
    const char *at = (const char *)(object->dlpi_addr + segment->p_vaddr), *end = at + segment->p_memsz;
    size_t unit = segment->p_align == 8 ? 8 : 4;
    while (at < end && (size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
      const ElfW(Nhdr) *note = (const void *)at;
      look_at(home_in(note), object->dlpi_name, search);
      at += rounded(rounded(sizeof *note + note->n_namesz, unit) + note->n_descsz, unit);
    }
  }
  return search->home != NULL;
}

// Called once, for the executable, under the loader's lock.
static int look_and_claim(struct dl_phdr_info *executable, size_t size, void *search) {
  (void)executable, (void)size;
  if (dl_iterate_phdr(look_in, search) != 0 && ((struct search *)search)->home != &cexit__copy) return 1;
  ((struct search *)search)->home = &cexit__copy;
  atomic_store(&cexit__copy.claimed, 1);
  return 1;
}

// A function that an older leader does not have refuses instead.
static int refuse(void) {
  return ENOSYS;
}
static void *nothing(void) {
  return NULL;
}
enum { ERROR = 1, FAST_ERROR = 1, VALUE = 0, FAST_VALUE = 0, SIGNAL_SAFE = 0, KEEPS = 0, LEAVES = 0 };
static const bool fails[] = {
#define CEXIT_SHARED(policy, type, name, parameters, arguments) policy,
#include "api.h"
};

static const struct cexit__copy *
complete(const struct cexit__copy *home) { // NULL: a signal handler interrupted this function
  static struct cexit__copy completed;
  typedef void (*function)(void);
  size_t first = sizeof completed - sizeof fails / sizeof *fails * sizeof(function);
  if (home->size >= sizeof completed) return home;
  if (lock_take() != 0) return NULL;
  if (completed.size == 0) {
    for (size_t i = 0; i < sizeof fails / sizeof *fails; i++) {
      function unknown = fails[i] ? (function)refuse : (function)nothing;
      memcpy((char *)&completed + first + i * sizeof unknown, &unknown, sizeof unknown);
    }
    memcpy((char *)&completed + first, (const char *)home + first, home->size - first);
    completed.size = home->size;
  }
  lock_drop();
  return &completed;
}

const struct cexit__copy *cexit__find_leader(void) {
  int saved = errno;
  struct search search = {.complains = true};
  const struct cexit__copy *pinned = NULL;
  for (;;) { // until a search after pinning finds the same copy: its object may have been unloaded before
    search.home = NULL;
    search.path[0] = 0;
    dl_iterate_phdr(look_and_claim, &search);
    if (search.home == &cexit__copy || search.home == pinned || search.path[0] == 0) break;
    pinned = search.home;
    cexit__pin_path(search.path);
    search.complains = false;
  }
  errno = saved;
  const struct cexit__copy *home = search.home != &cexit__copy ? complete(search.home) : &cexit__copy;
  if (home == NULL) return &cexit__copy; // for this one call
  atomic_store_explicit(&cexit__leader, home != &cexit__copy ? home : NULL, memory_order_release);
  return home;
}

const char *cexit__version(void) {
  return CEXIT_VERSION;
}
