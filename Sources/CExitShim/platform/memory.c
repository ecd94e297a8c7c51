// SPDX-License-Identifier: Apache-2.0
//
// Memory from the kernel, and what the kernel permits there.

#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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
  size_t size = (size_t)sysconf(_SC_PAGESIZE);
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return NULL;
  _Atomic uint32_t *word = memory;
  atomic_store(word, value); // before the advice, so that the word reads otherwise in a child only
  if (madvise(memory, size, MADV_WIPEONFORK) == 0) return word;
  munmap(memory, size);
#else
  (void)value;
#endif
  return NULL;
}

void cexit__unmap_wiped(_Atomic uint32_t *word) {
  munmap((void *)word, (size_t)sysconf(_SC_PAGESIZE));
}

// ---- What is permitted

struct memory { // the question to the memory map, and the answer
  uintptr_t address;
  char access;
  bool granted;
};

static void judge(const char *line, struct memory *memory) { // "7f12-7f34 rw-p …"
  char *end;
  uintptr_t from = strtoull(line, &end, 16), to = strtoull(end + 1, &end, 16);
  if (memory->address - from < to - from) memory->granted = memchr(end, memory->access, 5) != NULL;
}

static bool are_granted(struct memory *one, struct memory *other) {
  char text[4096], *line;
  size_t kept = 0;
  int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  for (ssize_t got; (got = read(file, text + kept, sizeof text - 1 - kept)) > 0 || (got < 0 && errno == EINTR);) {
    if (got < 0) continue;
    text[kept += (size_t)got] = '\0';
    line = text;
    for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
      *end = '\0';
      judge(line, one);
      judge(line, other);
    }
    kept = strlen(line);
    memmove(text, line, kept + 1);
  }
  close(file);
  return one->granted && other->granted;
}

bool cexit__memory_permits(uintptr_t writing, uintptr_t executing) {
  struct memory place = {writing, 'w', false}, code = {executing, 'x', false};
  return are_granted(&place, &code);
}
