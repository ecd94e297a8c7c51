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

#include <dlfcn.h>
#include <link.h>

enum { OBJECTS = 1 << 12 };

static struct object {
  const void *owner;    // NULL: free
  cexit_stack *leaving; // where its entries go to run
} objects[OBJECTS];     // number 0 is the executable, and nobody
static uint32_t used = 1;
static bool started; // the executable has registered

// Weak: a static executable has no use for them, and should not be warned that it links them.
#pragma weak dlopen
#pragma weak dladdr

void cexit__owner_pin(const void *owner) {
  Dl_info info;
  if (owner == NULL || dlopen == NULL || dladdr == NULL || dladdr(owner, &info) == 0) return;
  dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE); // fails for the executable, which stays anyway
}

static int find_in_executable(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size;
  const void **owner = data;
  uintptr_t address = (uintptr_t)*owner - info->dlpi_addr;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
    if (segment->p_type == PT_LOAD && address - segment->p_vaddr < segment->p_memsz) *owner = NULL;
  }
  return 1; // the first one is the executable
}

bool cexit__is_in_executable(const void *address) {
  dl_iterate_phdr(find_in_executable, &address);
  return address == NULL;
}

static uint32_t find(const void *owner) { // with the lock held; 0: not there
  for (uint32_t i = 1; owner != NULL && i < used; i++) {
    if (objects[i].owner == owner) return i;
  }
  return 0;
}

const void *cexit__owner_at(uint32_t number) {
  return number != 0 && number < OBJECTS ? objects[number].owner : NULL;
}

static void remember(const void *owner, uint32_t number) { // with the lock held
  *known_owner(owner) = (struct owner){owner, (uint16_t)number};
}

// ---- Unloading

// Takes what the object owns out of `stack`, in the order in which it would run, what is nested included.
static void collect(cexit_stack *stack, uint32_t number, cexit_stack *leaving, uint32_t *tail) {
  static const unsigned order[LISTS] = {CExitPhaseEarly, CExitPhaseNormal, CExitPhaseLate, ASLEEP};
  for (unsigned i = 0; i < LISTS; i++) {
    uint32_t older;
    for (uint32_t index = stack->newest[order[i]]; index != NONE; index = older) {
      struct entry *entry = entry_at(index);
      older = entry->older;
      if (is_foreign(entry)) {
        if (entry->owner == number) cexit__entry_forget(index);
        continue;
      }
      if (entry->owner != number) {
        if (entry->kind == KIND_NESTED) collect(entry->context, number, leaving, tail);
        continue;
      }
      cexit__entry_unlink(entry);
      if (entry->phase == ASLEEP) { // not to run, and not to stay: it is cancelled with the stack it goes to
        cexit__entry_link(leaving, entry, index);
        continue;
      }
      entry->phase = CExitPhaseNormal;
      cexit__entry_link_oldest(leaving, entry, index, *tail);
      *tail = index;
    }
  }
}

static void sweep(void *object) {
  if (cexit__in_vfork_child()) return;
  for (;;) {
    if (enter() != 0) return;
    uint32_t number = find(object), tail = NONE;
    if (number == 0) {
      lock_drop();
      return;
    }
    cexit_stack *leaving = objects[number].leaving;
    for (uint32_t i = 0; i < cexit__stacks.fresh; i++) {
      cexit_stack *stack = stack_at(i);
      bool root =
          stack->references != 0 && stack != leaving && cexit__pending_index((cexit_handler){stack->place}) == NONE;
      if (root) collect(stack, number, leaving, &tail);
    }
    bool done = leaving->count == 0;
    if (done) { // the address may come back with another object: that one starts anew
      objects[number].owner = NULL;
      if (known_owner(object)->owner == object) *known_owner(object) = (struct owner){&objects[0], 0};
    }
    lock_drop();
    if (done) return cexit__stack_destroy(leaving);
    cexit__run_stack(leaving, 0, NULL, NULL);
  }
}

// ---- Registering

int cexit__owner_add(const void *owner) {
  if (cexit__thread.in_libc) return EDEADLK;
  bool of_executable = owner == NULL || cexit__is_in_executable(owner);

  int error = enter();
  if (error != 0) return error;
  uint32_t number = find(owner);
  bool known = of_executable || number != 0, marked = cexit__process.process_slots.stands;
  bool starts = owner != NULL && of_executable && !started;
  if (starts) started = true;
  if (known) remember(owner, number);
  lock_drop();
  if (known) return starts && marked ? cexit__slots_arm(&cexit__process.process_slots) : 0;

  cexit_stack *leaving;
  if ((error = cexit__stack_new("unloading", &leaving)) != 0) return error;
  if ((error = enter()) != 0) return error;
  for (number = 1; number < used && objects[number].owner != NULL; number++) continue;
  bool full = number == OBJECTS, lost = find(owner) != 0; // to another thread that registers for it
  if (full) remember(owner, 0);
  if (!full && !lost) {
    objects[number] = (struct object){owner, leaving};
    if (number == used) used++;
    remember(owner, number);
  }
  lock_drop();
  if (full) cexit__owner_pin(owner);
  if (full || lost) return cexit__stack_destroy(leaving), 0;

  // Where it cannot be swept, what it registers runs at exit.
  if (!cexit__libc_add(sweep, (void *)owner, (void *)owner)) cexit__owner_pin(owner);
  return marked ? cexit__slots_arm(&cexit__process.process_slots) : 0;
}
