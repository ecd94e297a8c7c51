// SPDX-License-Identifier: Apache-2.0
//
// Memory from the kernel, and the kernel's map of memory.

#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HUGE_PAGE = 2 << 20 };

void *cexit__map(size_t size) {
  size_t slack = size >= HUGE_PAGE ? HUGE_PAGE : 0; // to begin on a huge page, where they are to be had
  int saved = errno;
  char *memory = mmap(NULL, size + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return errno = saved, NULL;
  if (slack != 0) {
    size_t before = (HUGE_PAGE - (uintptr_t)memory % HUGE_PAGE) % HUGE_PAGE;
    if (before != 0) munmap(memory, before);
    if (slack != before) munmap(memory + before + size, slack - before);
    memory += before;
    madvise(memory, size, MADV_HUGEPAGE); // only faster: failing is fine
  }
  errno = saved;
  return memory;
}

void cexit__forget_memory(void *memory, size_t size) {
  int saved = errno;
  madvise(memory, size, MADV_DONTNEED); // fails where the program locks its memory
  errno = saved;
}

void cexit__unmap(void *memory, size_t size) {
  munmap(memory, size);
}

_Atomic uint32_t *cexit__map_wiped(uint32_t value) {
#ifdef MADV_WIPEONFORK
  size_t size = sizeof(_Atomic uint32_t); // the kernel rounds up to a page
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return NULL;
  _Atomic uint32_t *word = memory;
  atomic_store(word, value); // before the advice, so that the word reads otherwise in a child only
  // A system that accepts an advice that does not exist says nothing by accepting: qemu wipes nothing, and returns 0.
  if (madvise(memory, size, -1) != 0 && madvise(memory, size, MADV_WIPEONFORK) == 0) return word;
  munmap(memory, size);
#else
  (void)value;
#endif
  return NULL;
}

void cexit__unmap_wiped(_Atomic uint32_t *word) {
  munmap((void *)word, sizeof *word);
}

// ---- The map of memory

static const char *hexadecimal(const char *at, uintptr_t *number) {
  for (*number = 0;; at++) {
    unsigned digit = (unsigned)*at - '0', letter = (unsigned)*at - 'a';
    if (digit >= 10 && letter >= 6) return at;
    *number = *number << 4 | (digit < 10 ? digit : letter + 10);
  }
}

// "begin-end rights offset device inode   path"
static void parse(const char *line, struct mapping *out) {
  const char *at = hexadecimal(line, &out->begin);
  if (*at == '-') at = hexadecimal(at + 1, &out->end);
  if (strlen(at) > 6) {
    memcpy(out->rights, at + 1, sizeof out->rights);
    at = hexadecimal(at + 6, &out->offset);
  }
  const char *path = strchr(at, '/');
  size_t length = path != NULL ? strlen(path) : 0;
  if (length >= sizeof out->path) length = 0;
  if (length != 0) memcpy(out->path, path, length);
  out->path[length] = 0;
}

bool cexit__find_mapping(uintptr_t address, struct mapping *out) {
  char buffer[1024];
  size_t held = 0;
  int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  bool found = false;
  for (ssize_t count; !found && (count = read(file, buffer + held, sizeof buffer - 1 - held)) > 0;) {
    held += (size_t)count;
    buffer[held] = 0;
    char *line = buffer;
    for (char *end; !found && (end = strchr(line, '\n')) != NULL; line = end + 1) {
      *end = 0;
      *out = (struct mapping){0};
      parse(line, out);
      found = out->begin <= address && address < out->end;
    }
    held = strlen(line);
    if (held == sizeof buffer - 1) held = 0; // no line of a mapping with a path that could be opened
    memmove(buffer, line, held);
  }
  close(file);
  return found;
}

bool cexit__memory_permits(uintptr_t writing, uintptr_t executing) {
  struct mapping mapping;
  return cexit__find_mapping(writing, &mapping) && mapping.rights[1] == 'w' &&
         cexit__find_mapping(executing, &mapping) && mapping.rights[2] == 'x';
}
