// SPDX-License-Identifier: Apache-2.0
//
// Shared objects. What one registered has to run before dlclose unmaps its code. libc tells: __cxa_finalize runs, newest
// first, what was given to __cxa_atexit with that object's handle, so each object that registers gets a sweep there.
// At exit the sweep must not come before younger entries of others: a fresh group of slots goes on top of it.
// So at the executable's first registration, too: a library that registered when it was loaded did so before the loader
// had put its own finalization of all libraries on libc's list, and the slots taken then are below that.
//
// The executable is never unloaded, and needs none of this. An object too many for the table is pinned.

#include "exit.h"

struct object cexit__objects[OBJECTS]; // number 0 is the executable, and nobody
static uint32_t used = 1;
static bool started; // the executable has registered

uint32_t cexit__owner_number(const void *owner) {
  for (uint32_t i = 1; owner != NULL && i < used; i++) {
    if (cexit__objects[i].owner == owner) return i;
  }
  return 0;
}

void cexit__owner_forget(uint32_t number) {
  const void *owner = cexit__objects[number].owner;
  cexit__objects[number].owner = NULL;
  if (known_owner(owner)->owner == owner) *known_owner(owner) = (struct owner){&cexit__objects[0], 0};
}

const void *cexit__owner_at(uint32_t number) {
  return number != 0 && number < OBJECTS ? cexit__objects[number].owner : NULL;
}

static void remember(const void *owner, uint32_t number) { // with the lock held
  *known_owner(owner) = (struct owner){owner, (uint16_t)number};
}

int cexit__owner_add(const void *owner) {
  if (cexit__thread.in_libc) return EDEADLK;
  bool of_executable = owner == NULL || cexit__is_in_executable(owner);

  int error = enter();
  if (error != 0) return error;
  uint32_t number = cexit__owner_number(owner);
  bool known = of_executable || number != 0, marked = cexit__process.process_slots.stands;
  bool starts = owner != NULL && of_executable && !started;
  if (starts) started = true;
  if (known) remember(owner, number);
  lock_drop();
  if (known) return starts && marked ? cexit__slots_arm(&cexit__process.process_slots) : 0;

  cexit_stack *leaving;
  if ((error = cexit__stack_new("unloading", &leaving)) != 0) return error;
  if ((error = enter()) != 0) return error;
  for (number = 1; number < used && cexit__objects[number].owner != NULL; number++) continue;
  bool full = number == OBJECTS, lost = cexit__owner_number(owner) != 0; // to another thread that registers for it
  if (full) remember(owner, 0);
  if (!full && !lost) {
    cexit__objects[number] = (struct object){owner, leaving};
    if (number == used) used++;
    remember(owner, number);
  }
  lock_drop();
  if (full) cexit__pin_object(owner);
  if (full || lost) return cexit__stack_destroy(leaving), 0;

  // Where it cannot be swept, what it registers runs at exit.
  if (!cexit__libc_add(cexit__hooks.sweep, (void *)owner, (void *)owner)) cexit__pin_object(owner);
  return marked ? cexit__slots_arm(&cexit__process.process_slots) : 0;
}
