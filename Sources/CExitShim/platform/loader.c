// SPDX-License-Identifier: Apache-2.0
//
// All that the loader tells of loaded objects: keeping one loaded, telling the executable, libc and the loader from other
// objects, finding what each object carries, and telling unloading from exit.

#include "platform.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

// Weak: a static executable has no use for them, and should not be warned that it links them.
#pragma weak dlopen
#pragma weak dladdr
#pragma weak dlsym

void cexit__pin_object(const void *owner) {
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

void cexit__pin_path(const char *path) {
  if (dlopen != NULL && path[0] != 0) dlopen(path, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

void cexit__pin(void) {
  static atomic_flag pinned = ATOMIC_FLAG_INIT;
  if (atomic_flag_test_and_set(&pinned) || cexit__is_in_executable(&__dso_handle)) return;
  cexit__pin_object(&__dso_handle);
}

bool cexit__are_in_one_object(const void *one, const void *other) {
  Dl_info first, second;
  if (dladdr == NULL || dladdr(one, &first) == 0 || dladdr(other, &second) == 0) return false;
  return first.dli_fbase == second.dli_fbase;
}

// ---- Notes

struct notes {
  cexit__note_found *found;
  void *context;
};

static const void *carried_by(const ElfW(Nhdr) * note) {
  static const char owner[12] = NOTE_OWNER;
  const char *text = (const char *)(note + 1);
  if (note->n_namesz != sizeof NOTE_OWNER || note->n_descsz != 4 || memcmp(text, owner, sizeof owner) != 0) return NULL;
  const int32_t *way = (const int32_t *)(text + sizeof owner);
  return (const char *)way + *way;
}

static size_t rounded(size_t size, size_t unit) {
  return (size + unit - 1) & ~(unit - 1);
}

static int look_for_notes(struct dl_phdr_info *object, size_t size, void *context) {
  (void)size;
  const struct notes *notes = context;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
    if (segment->p_type != PT_NOTE) continue;
    const char *at = (const char *)(object->dlpi_addr + segment->p_vaddr), *end = at + segment->p_memsz;
    size_t unit = segment->p_align == 8 ? 8 : 4;
    while (at < end && (size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
      const ElfW(Nhdr) *note = (const void *)at;
      const void *structure = carried_by(note);
      if (structure != NULL && notes->found(structure, object->dlpi_name, notes->context)) return 1;
      at += rounded(rounded(sizeof *note + note->n_namesz, unit) + note->n_descsz, unit);
    }
  }
  return 0;
}

bool cexit__each_note(cexit__note_found *found, void *context) {
  return dl_iterate_phdr(look_for_notes, &(struct notes){found, context}) != 0;
}

struct call {
  void (*function)(void *);
  void *context;
};

static int call_once(struct dl_phdr_info *executable, size_t size, void *context) {
  (void)executable, (void)size;
  const struct call *call = context;
  call->function(call->context);
  return 1;
}

void cexit__within_walk(void (*function)(void *), void *context) {
  dl_iterate_phdr(call_once, &(struct call){function, context});
}

// ---- libc's data, or the loader's

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

// ---- Unloading, or exit

// The function that holds an address, by the table that unwinding searches: sorted pairs of distances from the table's
// head, the first of which is where a function begins. The linkers of gcc and clang write these four bytes.
struct unwind_table {
  uint8_t head[4];
  int32_t frames;
  uint32_t count;
  int32_t pairs[][2];
};
static const uint8_t usual_head[4] = {1, 0x1B, 0x03, 0x3B};

static int find_function(struct dl_phdr_info *object, size_t size, void *data) {
  (void)size;
  uintptr_t *address = data;
  const struct unwind_table *table = NULL;
  bool within = false;
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
    uintptr_t begins = object->dlpi_addr + segment->p_vaddr;
    if (segment->p_type == PT_LOAD && *address - begins < segment->p_memsz) within = true;
    if (segment->p_type == PT_GNU_EH_FRAME) table = (const void *)begins;
  }
  if (!within) return 0;
  uint32_t low = 0, high = 0;
  if (table != NULL && memcmp(table->head, usual_head, sizeof usual_head) == 0) high = table->count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if ((uintptr_t)table + (uintptr_t)(intptr_t)table->pairs[middle][0] <= *address)
      low = middle + 1;
    else
      high = middle;
  }
  *address = low != 0 ? (uintptr_t)table + (uintptr_t)(intptr_t)table->pairs[low - 1][0] : 0;
  return 1;
}

// The thread sanitizer calls what was given to libc from a function of its own, so the caller of that function is looked for.
#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#endif
#endif
#ifdef THREAD_SANITIZER
#include <execinfo.h>

static bool is_called_by(uintptr_t finalize) { // from libc
  void *callers[16];
  int count = backtrace(callers, 16);
  for (int i = 0; i < count; i++) {
    uintptr_t function = (uintptr_t)callers[i];
    if (cexit__libc_object(function) != LIBC) continue;
    return dl_iterate_phdr(find_function, &function) != 0 && function == finalize;
  }
  return false;
}
#endif

// dladdr would look at each symbol of libc, which takes longer than all else that a small program does at its exit. So
// dladdr is asked only where the table, or libc's own __cxa_finalize, is not found.
bool cexit__is_unloading_call(const void *return_address) {
  Dl_info info;
  uintptr_t finalize = dlsym != NULL ? (uintptr_t)dlsym(RTLD_DEFAULT, "__cxa_finalize") : 0;
  uintptr_t function = (uintptr_t)return_address;
  if (dl_iterate_phdr(find_function, &function) == 0) return false;
#ifdef THREAD_SANITIZER
  if (finalize != 0) return is_called_by(finalize);
#endif
  if (function != 0 && cexit__libc_object(finalize) == LIBC) return function == finalize;
  return dladdr != NULL && dladdr(return_address, &info) != 0 && info.dli_sname != NULL &&
         strcmp(info.dli_sname, "__cxa_finalize") == 0;
}
