// SPDX-License-Identifier: Apache-2.0
//
// Shared objects that register. Each gets a sweep in libc's list, which libc calls when the object is unloaded
// (events/unload.c). The executable is never unloaded, and needs none; an object too many for the table is pinned.
//
// A number is found by hashing the owner's address. The owners seen lately stand in cexit__process.recent, where a
// registration finds them without a call.
//
// A library that registers when it is loaded does so before the loader has put its own finalization of all libraries on
// libc's list, so the slots taken then are below that. The executable's first registration puts a fresh group on top.

#include "exit.h"

TABLE struct object cexit__objects[OBJECTS]; // number 0 is the executable, and entries without an owner
static uint32_t used = 1;
TABLE uint16_t cexit__first_owner[OBJECTS]; // by hash: the first number of a chain through `next`; 0: none
static bool started;                        // the executable has registered
static uint16_t freed;                      // the first of a chain of free numbers

static uint16_t *chain_of(const void *owner) {
  return &cexit__first_owner[((uintptr_t)owner >> 4 ^ (uintptr_t)owner >> 16) % OBJECTS];
}

uint32_t cexit__owner_number(const void *owner) {
  if (owner == NULL) return 0;
  uint32_t number = *chain_of(owner);
  while (number != 0 && cexit__objects[number].owner != owner) number = cexit__objects[number].next;
  return number;
}

static void remember(const void *owner, uint32_t number) {
  *known_owner(owner) = (struct owner){owner, (uint16_t)number};
}

static void forget_recent(const void *owner) {
  if (known_owner(owner)->owner == owner) *known_owner(owner) = (struct owner){&cexit__objects[0], 0};
}

void cexit__owner_forget(uint32_t number) {
  struct object *object = &cexit__objects[number];
  uint16_t *link = chain_of(object->owner);
  while (*link != number) link = &cexit__objects[*link].next;
  *link = object->next;
  forget_recent(object->owner);
  *object = (struct object){.next = freed};
  freed = (uint16_t)number;
}

// The next registration of the owner takes the slow path, and is noted there.
void cexit__owner_watch(uint32_t number) {
  cexit__objects[number].has_registered = false;
  forget_recent(cexit__objects[number].owner);
}

bool cexit__owner_has_registered(uint32_t number) {
  return atomic_load(&cexit__objects[number].has_registered);
}

const void *cexit__owner_at(uint32_t number) {
  return number != 0 && number < OBJECTS ? cexit__objects[number].owner : NULL;
}

static uint32_t new_number(const void *owner, cexit_stack *leaving) { // 0: there is none left
  uint32_t number = freed;
  if (number != 0)
    freed = cexit__objects[number].next;
  else if (used < OBJECTS)
    number = used++;
  else
    return 0;
  uint16_t *chain = chain_of(owner);
  cexit__objects[number] = (struct object){.owner = owner, .leaving = leaving, .next = *chain};
  *chain = (uint16_t)number;
  return number;
}

static bool is_full(void) {
  return freed == 0 && used == OBJECTS;
}

int cexit__owner_add(const void *owner) {
  if (cexit__thread.in_libc) return EDEADLK;
  bool of_executable = owner == NULL || cexit__is_in_executable(owner);

  int error = enter();
  if (error != 0) return error;
  uint32_t number = cexit__owner_number(of_executable ? NULL : owner);
  bool known = of_executable || number != 0, full = is_full();
  if (number != 0) atomic_store(&cexit__objects[number].has_registered, true);
  if (known || full) remember(owner, number);
  bool starts = owner != NULL && of_executable && !started;
  if (starts) started = true;
  bool below = starts && cexit__process.process_slots.stands;
  lock_drop();
  if (!known && full) cexit__pin_object(owner);
  if (known || full) return below ? cexit__slots_arm(&cexit__process.process_slots) : 0;

  cexit_stack *leaving;
  if ((error = cexit__stack_new("unloading", &leaving)) != 0) return error;
  leaving->leaves = true;
  if ((error = enter()) != 0) return error;
  bool lost = cexit__owner_number(owner) != 0; // another thread has entered the owner first
  number = lost ? 0 : new_number(owner, leaving);
  if (number != 0) remember(owner, number);
  bool stands = cexit__process.process_slots.stands;
  lock_drop();
  if (number == 0) return cexit__stack_destroy(leaving), 0;

  // Entries of an object that cannot be swept run at exit.
  if (!cexit__libc_add(cexit__hooks.sweep, (void *)owner, (void *)owner)) cexit__pin_object(owner);
  if (stands) cexit__slots_arm_above(owner);
  return 0;
}
