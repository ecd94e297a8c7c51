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
// A copy claims only for itself: another copy could be half loaded. Where a walk over the objects holds the loader's lock,
// one copy at a time looks and claims. Where a walk holds no lock, objects are never unloaded and new objects come last: so
// the first copy in the list is the leader.

#include "../events/events.h"

#include "copies.h"

#ifndef CEXIT_COPY_SIZE // a test defines a smaller size, to make an older copy
#define CEXIT_COPY_SIZE sizeof(struct cexit__copy)
#endif

struct cexit__copy cexit__copy = {
    .sharing = CEXIT_SHARING,
    .size = CEXIT_COPY_SIZE,
    .version_number = CEXIT_COPY_VERSION,
#define CEXIT_SHARED(policy, type, name, parameters, arguments) .name = cexit__##name,
#include "api.h"
};

const struct cexit__copy *_Atomic cexit__leader = &cexit__copy;

// The linker takes layout.c out of a static library for this reference.
__attribute__((used)) static const struct layout *const layout = &cexit__layout;

CARRY_NOTE(cexit__copy);

struct search {
  const struct cexit__copy *home; // NULL: no copy has claimed
  bool complains;
  char path[4096]; // of the object with that copy; empty: the executable
};

static bool has_claimed(const struct cexit__copy *home) {
  return atomic_load(&home->claimed) != 0 || (!LOADER_LOCKS_WALKS && home->sharing == CEXIT_SHARING);
}

static void complain(const struct cexit__copy *other, const char *path) {
  uint64_t its = other->version_number, own = CEXIT_COPY_VERSION;
  cexit__say("%800s has an exit stack of its own: its CExitShim %u.%u.%u cannot share one with %u.%u.%u",
             path[0] != 0 ? path : "the executable", its >> 16, its >> 8 & 255, its & 255, own >> 16, own >> 8 & 255,
             own & 255);
}

static bool look_at(const void *copy, const char *path, void *context) {
  const struct cexit__copy *home = copy;
  struct search *search = context;
  if (!has_claimed(home)) return false;
  if (home->sharing != CEXIT_SHARING) {
    if (search->complains) complain(home, path);
    return false;
  }
  search->home = home;
  size_t length = strlen(path);
  if (length < sizeof search->path) memcpy(search->path, path, length + 1);
  return true;
}

static void look_and_claim(void *context) {
  struct search *search = context;
  if (cexit__each_note(look_at, search) && search->home != &cexit__copy) return;
  search->home = &cexit__copy;
  atomic_store(&cexit__copy.claimed, 1);
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
    cexit__within_walk(look_and_claim, &search);
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
