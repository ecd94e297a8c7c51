// SPDX-License-Identifier: Apache-2.0
//
// Threads of this process, as the kernel knows them.

#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int cexit__task(void) {
  return (int)syscall(SYS_gettid);
}

bool cexit__shares_memory_with(int process) {
  int saved = errno;
  long different = syscall(SYS_kcmp, getpid(), process, 1 /* KCMP_VM */, 0, 0); // refused in some sandboxes
  errno = saved;
  return different <= 0;
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

bool cexit__main_thread_has_ended(void) {
  char path[64], text[256], *state = NULL;
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)getpid());
  int file = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = file >= 0 ? read(file, text, sizeof text - 1) : -1;
  if (file >= 0) close(file);
  if (length > 0) {
    text[length] = 0;
    state = strrchr(text, ')'); // behind a name that may be anything
  }
  return state != NULL && strncmp(state, ") Z", 3) == 0;
}

bool cexit__threads_are_at_most(unsigned count) {
  struct stat tasks; // the folder's link count: the folder, its parent, and one for each thread
  return stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink <= 2 + count;
}
