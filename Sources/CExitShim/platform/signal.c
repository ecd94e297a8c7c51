// SPDX-License-Identifier: Apache-2.0
//
// Signals: taking a signal, raising a signal, dying of a signal, what the kernel tells a handler, and files that read signals.

#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

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
  union sigval mark = {.sival_ptr = (void *)(uintptr_t)cexit__raise_on};
  siginfo_t info = {.si_signo = number, .si_code = SI_QUEUE};
  info.si_pid = getpid();
  info.si_uid = getuid();
  info.si_value = mark;
  return syscall(SYS_rt_tgsigqueueinfo, getpid(), task, number, &info) == 0;
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

// ---- What a signal handler is told

pid_t cexit__sender(const siginfo_t *info) {
  bool sent = info->si_code == SI_USER || info->si_code == SI_QUEUE || info->si_code == SI_TKILL;
  return sent ? info->si_pid : 0;
}

bool cexit__is_sent(const siginfo_t *info) {
  return info->si_code <= 0;
}

bool cexit__is_from_raise_on(const siginfo_t *info) {
  return info->si_code == SI_QUEUE && info->si_pid == getpid() &&
         info->si_value.sival_ptr == (void *)(uintptr_t)cexit__raise_on;
}

void cexit__send_anew(int number, siginfo_t *info) {
  syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), number, info);
}

// The kernel has put the thread back in front of the call, or the call has ended with EINTR. Of a futex neither counts:
// the thread waits for a lock.
bool cexit__interrupted_a_call(const void *machine) {
  const ucontext_t *context = machine;
#if defined(__i386__) // int $0x80, also where the kernel's own page enters the kernel in another way
  const unsigned char *next = (const unsigned char *)context->uc_mcontext.gregs[REG_EIP];
  int result = context->uc_mcontext.gregs[REG_EAX];
  if (next[0] == 0xCD && next[1] == 0x80) return result != SYS_futex && result != SYS_futex_time64;
  return next[-2] == 0xCD && next[-1] == 0x80 && result == -EINTR;
#elif defined(__x86_64__)
  const unsigned char *next = (const unsigned char *)context->uc_mcontext.gregs[REG_RIP];
  long long result = context->uc_mcontext.gregs[REG_RAX];
  if (next[0] == 0x0F && next[1] == 0x05) return result != SYS_futex;
  return next[-2] == 0x0F && next[-1] == 0x05 && result == -EINTR;
#elif defined(__aarch64__)
  const uint32_t *next = (const uint32_t *)context->uc_mcontext.pc;
  if (context->uc_mcontext.regs[8] == SYS_futex) return false;
  return next[0] == 0xD4000001 || (next[-1] == 0xD4000001 && (long)context->uc_mcontext.regs[0] == -EINTR);
#elif defined(__arm__) // svc #0, in one of the two sets of instructions
  const mcontext_t *registers = &context->uc_mcontext;
  bool ended = (int)registers->arm_r0 == -EINTR;
  if (registers->arm_r7 == SYS_futex || registers->arm_r7 == SYS_futex_time64) return false;
  if ((registers->arm_cpsr & 0x20) != 0) {
    const uint16_t *next = (const uint16_t *)(registers->arm_pc & ~1ul);
    return next[0] == 0xDF00 || (next[-1] == 0xDF00 && ended);
  }
  const uint32_t *next = (const uint32_t *)registers->arm_pc;
  return next[0] == 0xEF000000 || (next[-1] == 0xEF000000 && ended);
#else
  (void)context;
  return false;
#endif
}

// ---- Signals that this process reads from a file

// As the signal sources of libdispatch do, by signalfd(2). The kernel lists a file's signals in /proc/self/fdinfo, as the
// line "sigmask:" with 16 hexadecimal digits.

static bool file_reads(int folder, const char *name, int number) {
  char text[512];
  int file = openat(folder, name, O_RDONLY | O_CLOEXEC);
  ssize_t length = file >= 0 ? read(file, text, sizeof text - 1) : -1;
  if (file >= 0) close(file);
  text[length > 0 ? length : 0] = 0;
  const char *line = strstr(text, "sigmask:");
  return line != NULL && (strtoull(line + strlen("sigmask:"), NULL, 16) >> (number - 1) & 1) != 0;
}

// The system call, because readdir allocates memory.
bool cexit__signal_has_reader(int number) {
  enum { LENGTH = 16, NAME = 19 }; // the places in a record of getdents64(2)
  int saved = errno;
  bool found = false;
  char records[2048];
  int folder = open("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (long size; !found && folder >= 0 && (size = syscall(SYS_getdents64, folder, records, sizeof records)) > 0;) {
    uint16_t length;
    for (long at = 0; !found && at < size; at += length) {
      memcpy(&length, records + at + LENGTH, sizeof length);
      found = file_reads(folder, records + at + NAME, number);
    }
  }
  if (folder >= 0) close(folder);
  errno = saved;
  return found;
}
