// SPDX-License-Identifier: Apache-2.0
//
// Before a shared object is unloaded. A job of an asynchronous handler may have let the handler end and still be in the
// object's code on a thread of Swift's pool: at its last instructions, or letting go of its captures. Swift does not
// tell when the job is over. But then its thread sleeps in the kernel, or takes another job; so each thread that is not at
// work now is not at work for the handler.

#include "platform.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PAUSE = 50000, PAUSES = 4000 }; // nanoseconds; 200 ms in all: other threads may compute for ever

static bool is_at_work(int task, const char *thread) { // false, too, if the thread has ended
  char path[64], text[256];
  cexit__text(&(struct text){path, path + sizeof path - 1}, "%s/stat", thread);
  int file = openat(task, path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  text[length > 0 ? length : 0] = 0;
  const char *state = strrchr(text, ')'); // "12 (name) R ..."
  return state != NULL && state[1] == ' ' && state[2] == 'R';
}

void cexit__let_pool_rest(void) {
  int saved = errno, pauses = 0;
  DIR *threads = opendir("/proc/self/task");
  if (threads == NULL) {
    errno = saved;
    return;
  }
  for (struct dirent *thread; (thread = readdir(threads)) != NULL;) {
    if (thread->d_name[0] == '.' || strtol(thread->d_name, NULL, 10) == cexit__task()) continue;
    while (is_at_work(dirfd(threads), thread->d_name) && pauses++ < PAUSES)
      nanosleep(&(struct timespec){0, PAUSE}, NULL);
  }
  closedir(threads);
  errno = saved;
}
