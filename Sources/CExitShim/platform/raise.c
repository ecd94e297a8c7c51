// SPDX-License-Identifier: Apache-2.0
//
// Raising a signal on this thread, and dying of one.

#include "platform.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

// By the kernel's own numbers: in a child of vfork, libc's raise may know the parent's thread instead (musl).
void cexit__raise(int number) {
  syscall(SYS_tgkill, getpid(), (int)syscall(SYS_gettid), number);
}

bool cexit__raise_on(int task, int number) {
  return syscall(SYS_tgkill, getpid(), task, number) == 0;
}

void cexit__raise_here(int number) {
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, number);
  pthread_sigmask(SIG_UNBLOCK, &only, NULL);
  cexit__raise(number);
}

void cexit__die_of(int number) {
  struct sigaction standard = {.sa_handler = SIG_DFL};
  if (sigaction(number, &standard, NULL) == 0) cexit__raise_here(number);
  _exit(128 + number); // the first process of a container does not die of its own signals
}
