// SPDX-License-Identifier: Apache-2.0
//
// How the libc of this process treats exit.

#include "platform.h"

#include <link.h>
#include <stdlib.h>
#include <string.h>

struct search {
  uintptr_t address;
  enum libc_object found;
};

static enum libc_object named(const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
  if (strncmp(name, "libc.so", 7) == 0 || strncmp(name, "libc-", 5) == 0) return LIBC;
  return strncmp(name, "ld", 2) == 0 ? LOADER : NEITHER;
}

static int look_in(struct dl_phdr_info *object, size_t size, void *context) {
  (void)size;
  struct search *search = context;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
    bool within = search->address - object->dlpi_addr - segment->p_vaddr < segment->p_memsz;
    if (segment->p_type == PT_LOAD && within) search->found = named(object->dlpi_name);
  }
  return search->found != NEITHER;
}

enum libc_object cexit__libc_object(uintptr_t address) {
  struct search search = {address, NEITHER};
  dl_iterate_phdr(look_in, &search);
  return search.found;
}

#ifdef __GLIBC__
#include <gnu/libc-version.h>

bool cexit__libc_refuses_late(void) {
  return true;
}

bool cexit__libc_exits_again(void) {
  return true;
}

bool cexit__libc_locks_exit(void) {
  const char *version = gnu_get_libc_version();
  return strncmp(version, "2.", 2) != 0 || strtol(version + 2, NULL, 10) >= 41;
}
#else
bool cexit__libc_refuses_late(void) {
  return false; // musl 1.2.6 does
}

bool cexit__libc_exits_again(void) {
  return false; // musl 1.2.6 traps
}

bool cexit__libc_locks_exit(void) {
  return true; // since musl 1.2.6
}
#endif
