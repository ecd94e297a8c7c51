// SPDX-License-Identifier: Apache-2.0
//
// Threads of this process, as the kernel knows them.

#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int cexit__task(void) {
  return (int)syscall(SYS_gettid);
}

bool cexit__task_has_ended(int task) {
  int saved = errno;
  bool ended = syscall(SYS_tgkill, getpid(), task, 0) != 0 && errno == ESRCH;
  errno = saved;
  return ended;
}

// The file says "running", or the number of a system call and its arguments.
uintptr_t cexit__task_sleeps_on(int task) {
  int saved = errno;
  char path[64], text[128], *end;
  snprintf(path, sizeof path, "/proc/self/task/%d/syscall", task);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = file >= 0 ? read(file, text, sizeof text - 1) : -1;
  if (file >= 0) close(file);
  text[length > 0 ? length : 0] = 0;
  bool waits = strtol(text, &end, 10) == SYS_futex && end != text;
  uintptr_t word = waits ? (uintptr_t)strtoull(end, NULL, 16) : 0;
  errno = saved;
  return word;
}
