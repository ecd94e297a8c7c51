// SPDX-License-Identifier: Apache-2.0
//
// Memory from the kernel.

#include "platform.h"

#include <sys/mman.h>

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
