// SPDX-License-Identifier: Apache-2.0
//
// Plain exit and the return from main become doors. Every object of the process finds these functions before libc's.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "include/CExitFirst.h"

#include <CExitBinding.h>

#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>

// The definitions are weak: in a static executable libc's own comes first, and a program may define exit, too.
#pragma weak dlsym

typedef void function(void);
typedef int main_function(int count, char **arguments, char **environment);
typedef int starter(main_function *main, int count, char **arguments, function *init, function *fini, function *end,
                    void *stack);

// The linker's names for wrapped functions (--wrap).
extern CEXIT_NORETURN void __real_exit(int status) __attribute__((weak));
extern starter __real___libc_start_main __attribute__((weak));

starter __wrap___libc_start_main;
static starter start_in_front;
starter __libc_start_main __attribute__((weak, visibility("default"), alias("start_in_front")));

// Defined by CExitOrder, too, with another letter: linking both is an error, or check() tells them apart.
extern const char cexit_order_or_first;
__attribute__((visibility("default"))) const char cexit_order_or_first = 'f';

// ---- Finding libc's functions

// Before glibc 2.34 dlsym is in libdl, and a linker with --as-needed drops libdl where all references are weak. Then the
// tables that the loader works with are read here.
struct search {
  const char *name;
  uintptr_t found; // 0: not yet
};

struct tables {
  const ElfW(Sym) * symbols;
  const char *names;
  const uint32_t *hashes; // of DT_GNU_HASH: four numbers, the Bloom filter, the buckets, the chains
};

static const void *at(uintptr_t base, uintptr_t address) { // glibc's loader adds the base on most machines
  return (const void *)(address < base ? base + address : address);
}

static struct tables tables_of(const struct dl_phdr_info *object) {
  struct tables tables = {NULL, NULL, NULL};
  for (int i = 0; i < object->dlpi_phnum; i++) {
    if (object->dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
    const ElfW(Dyn) *entry = (const void *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
    for (; entry->d_tag != DT_NULL; entry++) {
      const void *table = at(object->dlpi_addr, entry->d_un.d_ptr);
      if (entry->d_tag == DT_SYMTAB) tables.symbols = table;
      if (entry->d_tag == DT_STRTAB) tables.names = table;
      if (entry->d_tag == DT_GNU_HASH) tables.hashes = table;
    }
  }
  return tables;
}

static uintptr_t offset_of(const struct tables *tables, const char *name) { // 0: not defined there
  uint32_t hash = 5381;
  for (const char *next = name; *next != 0; next++) hash = hash * 33 + (unsigned char)*next;
  const uint32_t *start = tables->hashes, count = start[0], first = start[1];
  const uint32_t *buckets = start + 4 + start[2] * (sizeof(ElfW(Addr)) / sizeof *start), *chains = buckets + count;
  for (uint32_t i = count != 0 ? buckets[hash % count] : 0; i != 0; i++) {
    bool is_last = (chains[i - first] & 1) != 0, same = (chains[i - first] | 1) == (hash | 1);
    if (same && strcmp(tables->names + tables->symbols[i].st_name, name) == 0) return tables->symbols[i].st_value;
    if (is_last) break;
  }
  return 0;
}

static void leave(int status);

static bool is_ours(uintptr_t address) {
  return address == (uintptr_t)leave || address == (uintptr_t)start_in_front;
}

static int look_in(struct dl_phdr_info *object, size_t size, void *context) {
  (void)size;
  struct search *search = context;
  if (object->dlpi_name[0] == 0) return 0; // the executable
  struct tables tables = tables_of(object);
  if (tables.symbols == NULL || tables.names == NULL || tables.hashes == NULL) return 0;
  uintptr_t offset = offset_of(&tables, search->name);
  if (offset != 0 && !is_ours(object->dlpi_addr + offset)) search->found = object->dlpi_addr + offset;
  return search->found != 0;
}

static function *libcs(const char *name, function *wrapped) {
  if (wrapped != NULL) return wrapped;
  if (dlsym != NULL) return (function *)dlsym(RTLD_NEXT, name);
  struct search search = {name, 0};
  dl_iterate_phdr(look_in, &search);
  return (function *)search.found;
}

// ---- exit

static function *_Atomic libcs_exit; // looked for once: dlsym takes a lock that may be held while an object is loaded

static function *find_exit(void) {
  function *found = atomic_load_explicit(&libcs_exit, memory_order_relaxed);
  if (found != NULL) return found;
  found = libcs("exit", (function *)__real_exit);
  atomic_store_explicit(&libcs_exit, found, memory_order_relaxed);
  return found;
}

static CEXIT_NORETURN void enter_libc(int status) {
  void (*libcs)(int) = (void (*)(int))find_exit();
  if (libcs != NULL) libcs(status);
  fflush(NULL); // libc's exit cannot be found: the last things that libc would do
  _exit(status);
}

static CEXIT_NORETURN __attribute__((used)) void leave(int status) {
  if (cexit_is_entering_libc()) enter_libc(status);
  cexit_exit_called_at(__builtin_return_address(0));
  cexit_exit(status);
}

CEXIT_NORETURN void exit(int status) __attribute__((weak, visibility("default"), alias("leave")));
CEXIT_NORETURN void __wrap_exit(int status) __attribute__((alias("leave")));

// ---- main

static main_function *programs_main;

static void say(const char *line) {
  cexit_write_line(line, strlen(line));
}

// A static executable without --wrap has libc's functions in front, and has no dlsym that could tell.
static int has_loader(struct dl_phdr_info *object, size_t size, void *unused) { // of the first object, the executable
  (void)size, (void)unused;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    if (object->dlpi_phdr[i].p_type == PT_INTERP) return 1;
  }
  return -1;
}

static bool is_in_front(const char *name, void *ours) {
  return dlsym != NULL ? dlsym(RTLD_DEFAULT, name) == ours : dl_iterate_phdr(has_loader, NULL) == 1;
}

// A constructor: where another start function won, nothing else of CExitFirst runs before the exit.
static __attribute__((constructor)) void check(void) {
  bool both = cexit_order_or_first != 'f' || (dlsym != NULL && dlsym(RTLD_NEXT, "cexit_order_or_first") != NULL);
  if (both) say("ExitKit: CExitFirst and CExitOrder are both linked: CExitOrder's order holds; link one of them\n");
  if (__real_exit == NULL && !is_in_front("exit", (void *)(function *)leave))
    say("ExitKit: CExitFirst is not in front: another definition of exit is found first, so handlers run in its "
        "order\n");
  else if (programs_main == NULL && !is_in_front("__libc_start_main", (void *)(function *)start_in_front))
    say("ExitKit: CExitFirst is not in front: another definition of __libc_start_main is found first, so the return "
        "from main runs handlers in libc's order\n");
}

static int main_and_exit(int count, char **arguments, char **environment) {
  find_exit();
  cexit_is_pending((cexit_handler){0}); // sets the library up: a child of vfork is told from this process by that
  int status = programs_main(count, arguments, environment);
  cexit_exit_called_at((const char *)(uintptr_t)programs_main + 1); // in the trace: the main that returned
  leave(status);
}

// In a static executable nothing works before libc's own has begun.
static int start(main_function *main, int count, char **arguments, function *init, function *fini, function *end,
                 void *stack) {
  starter *libcs_start = (starter *)libcs("__libc_start_main", (function *)__real___libc_start_main);
  programs_main = main;
  // A static executable with glibc before 2.34: the linker leaves libc's own out, and nothing can run without that.
  if (libcs_start == NULL || libcs_start == start_in_front) __builtin_trap();
  return libcs_start(main_and_exit, count, arguments, init, fini, end, stack);
}

static int start_in_front(main_function *main, int count, char **arguments, function *init, function *fini,
                          function *end, void *stack) {
  return start(main, count, arguments, init, fini, end, stack);
}

int __wrap___libc_start_main(main_function *main, int count, char **arguments, function *init, function *fini,
                             function *end, void *stack) {
  return start(main, count, arguments, init, fini, end, stack);
}
