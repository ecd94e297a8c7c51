// SPDX-License-Identifier: Apache-2.0
//
// A system that wipes no page at a fork: -DUNWIPED=-1 refuses the advice, as Linux before 4.14 does, and -DUNWIPED=0
// accepts each advice and does nothing, as qemu does. Without UNWIPED the system is as it is.

#ifdef UNWIPED
#include <errno.h>
#include <sys/mman.h>

int madvise(void *address, size_t size, int advice) {
  (void)address, (void)size, (void)advice;
  if (UNWIPED != 0) errno = EINVAL;
  return UNWIPED;
}
#endif
