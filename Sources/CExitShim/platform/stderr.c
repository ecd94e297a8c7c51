// SPDX-License-Identifier: Apache-2.0
//
// Writing a line at a time when anything may be gone: the reader of a pipe, the descriptor, stdio. The write is bounded in
// time and never kills the process.
//
// The descriptor belongs to the program, and other processes share its flags, so the library sets no O_NONBLOCK there. A
// pipe or a terminal is opened once more, by its name in /proc, without blocking. A pipe of another user cannot be opened
// (a container's stderr): there the kernel is asked for one write that does not block (pwritev2, pipes since Linux 6.5).
// Where the kernel knows no such write, poll says that there is space, and another writer may be faster: an old kernel, and
// another user's full pipe, can block the writer.

#include "platform.h"
#include "text.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

enum { MOST = 200000000 }; // nanoseconds that one text may take

enum way { BY_SOCKET, BY_FILE, BY_OPENING, BY_KERNEL, BY_POLL };

static ssize_t put(enum way way, int file, const char *text, size_t length) {
  switch (way) {
  case BY_SOCKET:
    return send(file, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  case BY_KERNEL:
#ifdef RWF_NOWAIT
    return pwritev2(file, &(struct iovec){(void *)text, length}, 1, -1, RWF_NOWAIT);
#else
    return errno = ENOSYS, -1;
#endif
  case BY_FILE:
  case BY_OPENING:
  case BY_POLL:
    break;
  }
  return write(file, text, length);
}

static bool waits_for_space(int file, uint64_t until) {
  uint64_t now = cexit__now();
  if (now >= until) return false;
  return poll(&(struct pollfd){.fd = file, .events = POLLOUT}, 1, (int)((until - now) / 1000000) + 1) >= 0;
}

// True: nobody reads it any more.
static bool put_all(enum way way, int file, const char *text, size_t length) {
  uint64_t until = cexit__now() + MOST;
  while (length != 0) {
    if (way == BY_POLL && poll(&(struct pollfd){.fd = file, .events = POLLOUT}, 1, MOST / 1000000) != 1) return false;
    ssize_t written = put(way, file, text, length);
    if (written >= 0) {
      text += written;
      length -= (size_t)written;
    } else if (way == BY_KERNEL && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)) {
      way = BY_POLL;
    } else if (errno == EAGAIN) {
      if (!waits_for_space(file, until)) return false;
    } else if (errno != EINTR) {
      return errno == EPIPE;
    }
  }
  return false;
}

static bool write_bounded(int file, const char *text, size_t length) {
  struct stat kind;
  if (fstat(file, &kind) != 0) return false;
  if (S_ISSOCK(kind.st_mode)) return put_all(BY_SOCKET, file, text, length);
  if (!S_ISFIFO(kind.st_mode) && !S_ISCHR(kind.st_mode)) return put_all(BY_FILE, file, text, length);
  char path[32];
  cexit__text(&(struct text){path, path + sizeof path - 1}, "/proc/self/fd/%u", (uint64_t)file);
  int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (own < 0 && errno == ENXIO) return false; // a pipe without a reader
  bool broken = put_all(own >= 0 ? BY_OPENING : BY_KERNEL, own >= 0 ? own : file, text, length);
  if (own >= 0) close(own);
  return broken;
}

// SIGPIPE of a broken pipe and SIGTTOU of a terminal in the foreground of others are held off while this thread writes. A
// SIGPIPE that this write raised is taken back.
void cexit__write_to(int file, const char *text, size_t length) {
  int saved = errno;
  sigset_t held, before, pending, pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  held = pipe;
  sigaddset(&held, SIGTTOU);
  sigpending(&pending);
  bool blocked = pthread_sigmask(SIG_BLOCK, &held, &before) == 0;
  bool broken = write_bounded(file, text, length);
  if (blocked && broken && sigismember(&pending, SIGPIPE) == 0) {
    while (sigtimedwait(&pipe, NULL, &(struct timespec){0, 0}) < 0 && errno == EINTR) continue;
  }
  if (blocked) pthread_sigmask(SIG_SETMASK, &before, NULL);
  errno = saved;
}
