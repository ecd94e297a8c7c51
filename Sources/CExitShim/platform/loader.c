// SPDX-License-Identifier: Apache-2.0
//
// All that the loader tells of loaded objects: keeping one loaded, telling the executable, libc and the loader from other
// objects, finding what each object carries, and telling unloading from exit.

#include "platform.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

// Weak: a static executable has no use for them, and should not be warned that it links them.
#pragma weak dladdr
#pragma weak dlsym

// ---- Which object

struct object {
  uintptr_t address;           // that the object is to hold
  const ElfW(Phdr) * segments; // NULL: no object holds the address
  unsigned count;
  uintptr_t base;
  const char *path;
  bool is_executable; // the first in the loader's order
  enum libc_object libc;
};

static enum libc_object named(const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
  if (strncmp(name, "libc.so", 7) == 0 || strncmp(name, "libc-", 5) == 0) return LIBC;
  return strncmp(name, "ld", 2) == 0 ? LOADER : NEITHER;
}

static int look_in(struct dl_phdr_info *info, size_t size, void *context) {
  (void)size;
  struct object *object = context;
  uintptr_t distance = object->address - info->dlpi_addr;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
    if (segment->p_type != PT_LOAD || distance - segment->p_vaddr >= segment->p_memsz) continue;
    object->segments = info->dlpi_phdr;
    object->count = info->dlpi_phnum;
    object->base = info->dlpi_addr;
    object->path = info->dlpi_name;
    object->libc = named(info->dlpi_name);
    return 1;
  }
  object->is_executable = false;
  return 0;
}

static struct object object_of(const void *address) {
  struct object object = {.address = (uintptr_t)address, .is_executable = true};
  dl_iterate_phdr(look_in, &object);
  return object;
}

bool cexit__is_in_executable(const void *address) {
  return object_of(address).is_executable;
}

bool cexit__are_in_one_object(const void *one, const void *other) {
  const void *segments = object_of(one).segments;
  return segments != NULL && segments == object_of(other).segments;
}

static int measure(struct dl_phdr_info *executable, size_t size, void *context) {
  (void)size;
  uintptr_t *range = context;
  for (int i = 0; i < executable->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &executable->dlpi_phdr[i];
    uintptr_t begin = executable->dlpi_addr + segment->p_vaddr, end = begin + segment->p_memsz;
    if (segment->p_type != PT_LOAD) continue;
    if (begin < range[0]) range[0] = begin;
    if (end > range[1]) range[1] = end;
  }
  return 1;
}

size_t cexit__executable(uintptr_t *begin) {
  uintptr_t range[2] = {UINTPTR_MAX, 0};
  dl_iterate_phdr(measure, range);
  *begin = range[0];
  return range[1] != 0 ? range[1] - range[0] : 0;
}

enum libc_object cexit__libc_object(uintptr_t address) {
  return object_of((const void *)address).libc;
}

// ---- Keeping an object

// The linker of a static executable warns of each reference to dlopen, also of a weak one, so dlopen is found by its name. A
// static executable has no other object to keep; without libdl, before glibc 2.34, nothing unloads an object.
void cexit__pin_path(const char *path) {
  if (path[0] == 0 || dlsym == NULL) return;
  void *(*open)(const char *, int) = (void *(*)(const char *, int))dlsym(RTLD_DEFAULT, "dlopen");
  if (open != NULL) open(path, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

void cexit__pin_object(const void *owner) {
  struct object object = object_of(owner);
  if (object.segments != NULL && !object.is_executable) cexit__pin_path(object.path);
}

static _Atomic bool pinned;

bool cexit__is_pinned(void) {
  return atomic_load(&pinned);
}

void cexit__pin(void) {
  if (cexit__is_pinned()) return;
  cexit__pin_object(&__dso_handle);
  atomic_store(&pinned, true);
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

static int call_for_executable(struct dl_phdr_info *executable, size_t size, void *context) {
  (void)executable, (void)size;
  const struct call *call = context;
  call->function(call->context);
  return 1;
}

void cexit__within_walk(void (*function)(void *), void *context) {
  dl_iterate_phdr(call_for_executable, &(struct call){function, context});
}

// ---- Unloading, or exit

// Where libc's __cxa_finalize begins and ends, by the table that unwinding searches: sorted pairs of distances from the
// table's head, the first of which is where a function begins. The linkers of gcc and clang write these four bytes.
struct unwind_table {
  uint8_t head[4];
  int32_t frames;
  uint32_t count;
  int32_t pairs[][2];
};
static const uint8_t usual_head[4] = {1, 0x1B, 0x03, 0x3B};

// Written once, `ends` last; 0: not known.
static _Atomic uintptr_t finalize_begins, finalize_ends;

static void find_finalize(const void *finalize) {
  struct object libc = object_of(finalize);
  const struct unwind_table *table = NULL;
  for (unsigned i = 0; i < libc.count; i++) {
    const ElfW(Phdr) *segment = &libc.segments[i];
    if (segment->p_type == PT_GNU_EH_FRAME) table = (const void *)(libc.base + segment->p_vaddr);
  }
  if (libc.libc != LIBC || table == NULL || memcmp(table->head, usual_head, sizeof usual_head) != 0) return;
  intptr_t distance = (intptr_t)(libc.address - (uintptr_t)table);
  for (uint32_t low = 0, high = table->count; low + 1 < high;) {
    uint32_t middle = low + (high - low) / 2;
    if (table->pairs[middle][0] != distance) {
      *(table->pairs[middle][0] < distance ? &low : &high) = middle;
      continue;
    }
    if (middle + 1 == table->count) return;
    atomic_store(&finalize_begins, libc.address);
    atomic_store(&finalize_ends, (uintptr_t)table + (uintptr_t)(intptr_t)table->pairs[middle + 1][0]);
    return;
  }
}

static bool is_in_finalize(const void *address) {
  uintptr_t ends = atomic_load(&finalize_ends);
  return (uintptr_t)address < ends && (uintptr_t)address >= atomic_load(&finalize_begins);
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

static bool is_called_by_finalize(void) { // the first function of libc's
  void *callers[16];
  int count = backtrace(callers, 16), i = 0;
  while (i < count && object_of(callers[i]).libc != LIBC) i++;
  return i < count && is_in_finalize(callers[i]);
}
#endif

// dladdr would look at each symbol of libc, which takes longer than all else that a small program does at its exit. So
// dladdr is asked only where libc's own __cxa_finalize is not found by the table.
bool cexit__is_unloading_call(const void *return_address) {
  Dl_info info;
  if (atomic_load(&finalize_ends) == 0 && dlsym != NULL) find_finalize(dlsym(RTLD_DEFAULT, "__cxa_finalize"));
#ifdef THREAD_SANITIZER
  if (atomic_load(&finalize_ends) != 0) return is_called_by_finalize();
#endif
  if (atomic_load(&finalize_ends) != 0) return is_in_finalize(return_address);
  return dladdr != NULL && dladdr(return_address, &info) != 0 && info.dli_sname != NULL &&
         strcmp(info.dli_sname, "__cxa_finalize") == 0;
}
