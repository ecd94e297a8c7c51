// SPDX-License-Identifier: Apache-2.0
//
// Threads of this process, as the kernel knows them: by number, and by the files of /proc/self/task.

#include "platform.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FUTEX_WAITERS 0x80000000u // as linux/futex.h has it, which is not where musl-gcc looks

int cexit__task(void) {
  return (int)syscall(SYS_gettid);
}

int cexit__main_task(void) {
  return getpid();
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

// A text of the kernel about a thread; empty: no such text. The text ends with a 0.
static void ask(int task, const char *file, char *out, size_t size) {
  int saved = errno;
  char path[64];
  cexit__text(&(struct text){path, path + sizeof path - 1}, "/proc/self/task/%u/%s", (uint64_t)task, file);
  int opened = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = opened >= 0 ? read(opened, out, size - 1) : 0;
  if (opened >= 0) close(opened);
  out[length > 0 ? length : 0] = 0;
  errno = saved;
}

// The file says "running", or the number of a system call and its arguments.
static long system_call(int task, uintptr_t *first) { // -1: in none, or not known
  int saved = errno;
  char text[128], *end;
  ask(task, "syscall", text, sizeof text);
  long number = strtol(text, &end, 10);
  *first = strtoull(end, NULL, 16);
  errno = saved;
  return end != text ? number : -1;
}

uintptr_t cexit__task_sleeps_on(int task) {
  uintptr_t word;
  return system_call(task, &word) == SYS_futex ? word : 0;
}

// A contended lock of glibc is 2, and its third word is the owner; locks of musl and of Swift, and robust ones, are the
// owner and a bit. The words are read by the kernel, since a thread that got the lock may give the memory back.
bool cexit__task_waits_for_lock_of(int task, int owner) {
  int saved = errno;
  uint32_t words[3] = {0};
  struct iovec from = {(void *)cexit__task_sleeps_on(task), sizeof words}, to = {words, sizeof words};
  bool known = from.iov_base != NULL && process_vm_readv(getpid(), &to, 1, &from, 1, 0) == sizeof words;
  errno = saved;
  return known && (words[0] == ((uint32_t)owner | FUTEX_WAITERS) || (words[0] == 2 && words[2] == (uint32_t)owner));
}

bool cexit__task_is_asleep(int task) {
  static const long sleeps[] = {
      SYS_clock_nanosleep,
      SYS_nanosleep,
      SYS_read,
      SYS_readv,
      SYS_ppoll,
      SYS_pselect6,
      SYS_accept4,
      SYS_recvfrom,
      SYS_recvmsg,
      SYS_wait4,
      SYS_waitid,
      SYS_rt_sigsuspend,
      SYS_connect,
      SYS_rt_sigtimedwait,
#ifdef SYS_accept // i386 has another way
      SYS_accept,
#endif
#ifdef SYS_clock_nanosleep_time64 // machines of 32 bits
      SYS_clock_nanosleep_time64,
      SYS_ppoll_time64,
      SYS_pselect6_time64,
      SYS_rt_sigtimedwait_time64,
#endif
#ifdef SYS_poll
      SYS_poll,
      SYS_pause,
#endif
#ifdef SYS_select // ARM of 32 bits has the newer one alone
      SYS_select,
#endif
#ifdef SYS__newselect
      SYS__newselect,
#endif
  };
  uintptr_t unused;
  long number = system_call(task, &unused);
  for (size_t i = 0; i < sizeof sleeps / sizeof *sleeps; i++) {
    if (sleeps[i] == number) return true;
  }
  return false;
}

static char state_of(int task) { // 0: not known, or the thread has ended
  char text[256];
  ask(task, "stat", text, sizeof text);
  const char *state = strrchr(text, ')'); // behind a name of any form: "12 (name) R ..."
  return state != NULL && state[1] == ' ' ? state[2] : 0;
}

bool cexit__main_thread_has_ended(void) {
  return state_of(cexit__main_task()) == 'Z';
}

bool cexit__threads_are_at_most(unsigned count) {
  struct stat tasks; // the folder's link count: the folder, its parent, and one for each thread
  return stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink <= 2 + count;
}

// ---- Whether other threads are at work

// Before a shared object is unloaded. A job of an asynchronous handler may have let the handler end and still be in the
// object's code on a thread of Swift's pool: at its last instructions, or letting go of its captures. Swift does not
// tell when the job is over. But then its thread sleeps in the kernel, or takes another job; so each thread that is not at
// work now is not at work for the handler.

enum { PAUSE = 50000, PAUSES = 4000 }; // nanoseconds; 200 ms in all: other threads may compute for ever

void cexit__let_pool_rest(void) {
  int saved = errno, pauses = 0;
  DIR *threads = opendir("/proc/self/task");
  if (threads == NULL) {
    errno = saved;
    return;
  }
  for (struct dirent *thread; (thread = readdir(threads)) != NULL;) {
    int task = (int)strtol(thread->d_name, NULL, 10); // 0: the folder or its parent
    while (task != 0 && task != cexit__task() && state_of(task) == 'R' && pauses++ < PAUSES)
      nanosleep(&(struct timespec){0, PAUSE}, NULL);
  }
  closedir(threads);
  errno = saved;
}
