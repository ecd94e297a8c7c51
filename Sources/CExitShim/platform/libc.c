// SPDX-License-Identifier: Apache-2.0
//
// How the libc of this process treats its exit, its streams, and the end of a thread.

#include "platform.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GLIBC__
#include <gnu/libc-version.h>

bool cexit__libc_refuses_late(void) {
  return true;
}

bool cexit__libc_exits_again(void) {
  return true;
}

bool cexit__libc_locks_exit(void) {
  const char *version = gnu_get_libc_version();
  return strncmp(version, "2.", 2) != 0 || strtol(version + 2, NULL, 10) >= 41;
}
#else
bool cexit__libc_refuses_late(void) {
  return false; // musl 1.2.6 does
}

bool cexit__libc_exits_again(void) {
  return false; // musl 1.2.6 traps
}

bool cexit__libc_locks_exit(void) {
  return true; // since musl 1.2.6
}

#pragma GCC visibility push(default)
extern ssize_t posix_getdents(int file, void *out, size_t size, int flags) __attribute__((weak)); // since musl 1.2.6
#pragma GCC visibility pop

bool cexit__libc_hangs_late(void) {
  return posix_getdents == NULL;
}
#endif

const char *cexit__program_name(void) {
  return program_invocation_short_name;
}

// ---- Streams

// libc's list of streams, locked while libc flushes them at the end. Part of glibc, declared by no header.
#pragma GCC visibility push(default)
extern void _IO_list_lock(void) __attribute__((weak));
extern void _IO_list_unlock(void) __attribute__((weak));
#pragma GCC visibility pop

void cexit__streams_lock(void) {
  if (_IO_list_lock != NULL) _IO_list_lock();
}

void cexit__streams_unlock(void) {
  if (_IO_list_unlock != NULL) _IO_list_unlock();
}

// At the end libc waits for the lock of each stream (glibc 2.38, musl). A thread that reads standard input holds that
// lock for as long as nothing comes.
void cexit__let_go_of_stdin(void) {
  if (ftrylockfile(stdin) == 0)
    funlockfile(stdin);
  else
    __fsetlocking(stdin, FSETLOCKING_BYCALLER);
}

// exit() calls the handlers, then the destructors of all objects, then flushes stdio, and leaves: nothing that can be
// registered runs after the flush. But stdio has a last act: once every stream is flushed, libc takes the buffers
// away, and a stream that still holds unread input is told to seek back. So a stream of our own, which has read one byte
// and buffered another, is called at the very end.

static ssize_t read_two(void *unused, char *buffer, size_t size) {
  (void)unused;
  size_t count = size < 2 ? size : 2;
  memset(buffer, 0, count);
  return (ssize_t)count;
}

#ifdef __GLIBC__
typedef __off64_t position;
#else
typedef off_t position;
#endif

static int seek_back(void *act, position *offset, int whence) {
  (void)offset, (void)whence;
  ((void (*)(void))act)();
  errno = EIO; // the input stays unread, and the stream armed
  return -1;
}

bool cexit__libc_calls_last(void (*act)(void)) {
  FILE *stream = fopencookie((void *)act, "r", (cookie_io_functions_t){.read = read_two, .seek = seek_back});
  if (stream == NULL || getc(stream) == EOF) return false;
  __fsetlocking(stream,
                FSETLOCKING_BYCALLER); // or a thread that waits in the stream would keep all other threads from the end
  return true;
}

// ---- The end of a thread

// libc tells of a thread's end where a function of pthread_cleanup_push would run.
#ifdef __GLIBC__

#ifdef __EXCEPTIONS // then <pthread.h> has another way, and declares neither
extern void __pthread_register_cancel(__pthread_unwind_buf_t *buffer) __cleanup_fct_attribute;
extern void __pthread_unregister_cancel(__pthread_unwind_buf_t *buffer) __cleanup_fct_attribute;
#endif
// sigsetjmp without a mask, which needs less than a jmp_buf.
extern int save_registers(void *buffer, int mask) __asm__("__sigsetjmp") __attribute__((returns_twice));

// The parts of pthread_cleanup_push. A cleanup function cannot stop the thread's end; the code after save_registers can.
bool cexit__thread_stays(void (*function)(void *), void *context) {
  __pthread_unwind_buf_t end;
  bool ended = save_registers(end.__cancel_jmp_buf, 0) != 0;
  if (!ended) {
    __pthread_register_cancel(&end);
    function(context);
  }
  __pthread_unregister_cancel(&end);
  return ended;
}

#else

static void stay(void *here) {
  longjmp(*(jmp_buf *)here, 1);
}

bool cexit__thread_stays(void (*function)(void *), void *context) {
  jmp_buf here;
  if (_setjmp(here) != 0) return true;
  pthread_cleanup_push(stay, &here);
  function(context);
  pthread_cleanup_pop(0);
  return false;
}

#endif
