// SPDX-License-Identifier: Apache-2.0
//
// One line on stderr, at a time when anything may be gone: the reader of a pipe, the descriptor, stdio.

#include "../watch/watch.h"

// SIGPIPE is kept from killing the process half way through its clean-up: blocked while this thread writes, and
// taken back if this write raised it.
void cexit__write_to(int file, const char *text, size_t length) {
  int saved = errno;
  sigset_t pipe, before, pending;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  sigpending(&pending);
  bool blocked = pthread_sigmask(SIG_BLOCK, &pipe, &before) == 0;
  ssize_t written;
  do {
    written = write(file, text, length);
  } while (written < 0 && errno == EINTR);
  if (blocked && written < 0 && errno == EPIPE && sigismember(&pending, SIGPIPE) == 0) {
    while (sigtimedwait(&pipe, NULL, &(struct timespec){0, 0}) < 0 && errno == EINTR) continue;
  }
  if (blocked) pthread_sigmask(SIG_SETMASK, &before, NULL);
  errno = saved;
}

void cexit__write_line(const char *text, size_t length) {
  cexit__write_to(STDERR_FILENO, text, length);
}
