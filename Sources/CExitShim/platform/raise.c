// SPDX-License-Identifier: Apache-2.0
//
// Signals: taking one, raising one on this thread, and dying of one.

#include "platform.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

bool cexit__is_plain(const struct sigaction *action, void (*handler)(int)) {
  return (action->sa_flags & SA_SIGINFO) == 0 && action->sa_handler == handler;
}

bool cexit__is_handler(const struct sigaction *action, cexit__signal_handler *handler) {
  return (action->sa_flags & SA_SIGINFO) != 0 && action->sa_sigaction == handler;
}

int cexit__handle(int number, cexit__signal_handler *handler, int flags) {
  struct sigaction action = {.sa_sigaction = handler,
                             .sa_flags = SA_SIGINFO | SA_ONSTACK | flags}; // no signal is masked
  return sigaction(number, &action, NULL) == 0 ? 0 : errno;
}

void cexit__give_back(int number, cexit__signal_handler *handler, const struct sigaction *former) {
  struct sigaction now;
  if (sigaction(number, NULL, &now) == 0 && cexit__is_handler(&now, handler)) sigaction(number, former, NULL);
}

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
