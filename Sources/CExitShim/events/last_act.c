// SPDX-License-Identifier: Apache-2.0
//
// Dying of a signal, so that the parent sees the truth, after everything else has been done.
//
// exit() calls the handlers, then the destructors of all objects, then flushes stdio, and leaves: nothing that can be
// registered runs after the flush. But stdio has a last act: once every stream is flushed, libc takes the buffers
// away, and a stream that still holds unread input is told to seek back. So a stream of our own, which has read one byte
// and buffered another, is called at the very end. Where a libc does not do that, the status 128 + n is what remains.
//
// A thread that exits while another thread does, and meets no slot, comes to the stream as well, and waits. A thread that
// waits at the gate makes the stream, having nothing else to do; so does an exiter whose status differs from libc's.

#include "events.h"

#include <stdio_ext.h>

_Atomic bool cexit__last_act_made; // or being made, a stream that is never closed

static ssize_t read_two(void *unused, char *buffer, size_t size) {
  (void)unused;
  size_t count = size < 2 ? size : 2;
  memset(buffer, 0, count);
  return (ssize_t)count;
}

static bool is_the_end(void) { // fcloseall() calls seek_back as well, and the process goes on
#ifdef __GLIBC__
  // Refused once the last handler has run. Not with an empty function: clang leaves such a call out, and reports success.
  return __cxa_atexit(free, NULL, &__dso_handle) != 0;
#else
  return cexit__is_exiting() && cexit__thread.running == NULL;
#endif
}

// libc would do the same with the streams after ours. A stream whose lock another thread holds is left out.
static void sync_standard_streams(void) {
  FILE *streams[] = {stdout, stderr, stdin};
  for (int i = 0; i < 3; i++) {
    if (ftrylockfile(streams[i]) != 0) continue;
    fflush(streams[i]); // unread input goes back to a file, for the next process that reads the file
    funlockfile(streams[i]);
  }
}

// At the end libc waits for the lock of each stream (glibc 2.38, musl). A thread that reads standard input holds that
// lock for as long as nothing comes.
void cexit__let_go_of_stdin(void) {
  if (ftrylockfile(stdin) == 0)
    funlockfile(stdin);
  else
    __fsetlocking(stdin, FSETLOCKING_BYCALLER);
}

static void end(void) {
  int status = 0;
  cexit__exit_ends();
  bool differs = cexit__status_differs(&status);
  if (differs || cexit__exit_signal(NULL) != 0) sync_standard_streams();
  cexit__signals_end();
  if (differs) _exit(status);
}

void cexit__end(int status) {
  fflush(NULL);
  sync_standard_streams();
  cexit__signals_end();
  _exit(status);
}

#ifdef __GLIBC__
typedef __off64_t position;
#else
typedef off_t position;
#endif

static int seek_back(void *unused, position *offset, int whence) {
  (void)unused;
  (void)offset;
  (void)whence;
  if (is_the_end()) end();
  errno = EIO; // the input stays unread, and the stream armed
  return -1;
}

int cexit__last_act_prepare(void) {
  if (atomic_exchange(&cexit__last_act_made, true)) return 0;
  cexit__pin();
  FILE *stream = fopencookie(NULL, "r", (cookie_io_functions_t){.read = read_two, .seek = seek_back});
  if (stream == NULL || getc(stream) == EOF) {
    atomic_store(&cexit__last_act_made, false);
    return ENOMEM;
  }
  __fsetlocking(stream,
                FSETLOCKING_BYCALLER); // or a thread that waits in the stream would keep all other threads from the end
  return 0;
}
