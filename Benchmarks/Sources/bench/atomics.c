// SPDX-License-Identifier: Apache-2.0
//
// Counts instead of timing: a traced child is stepped through a warm operation, and every instruction that locks the bus
// is counted. On x86 that is one with a lock prefix, or an exchange with memory.

#include "bench.h"

#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#if defined(__x86_64__)

static void nothing(void *context) {
  (void)context;
}

static void operation(void) {
  cexit_handler handler;
  cexit_register(NULL, &(cexit_entry){.function = nothing}, &handler);
  cexit_cancel(handler);
}

static bool is_prefix(unsigned char byte) { // legacy ones but the lock, and REX
  return byte == 0x66 || byte == 0x67 || byte == 0xF2 || byte == 0xF3 || (byte >= 0x40 && byte <= 0x4F);
}

static bool locks(const unsigned char *instruction) {
  while (is_prefix(*instruction)) instruction++;
  bool exchange = (*instruction == 0x86 || *instruction == 0x87) && instruction[1] < 0xC0;
  return *instruction == 0xF0 || exchange;
}

int count_atomics(void) {
  pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    operation(); // as the child's own process, warm
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(1);
    raise(SIGSTOP);
    operation();
    raise(SIGSTOP);
    _exit(0);
  }
  int status, locked = -1;
  bool stepping = waitpid(child, &status, 0) == child && WIFSTOPPED(status);
  if (stepping) locked = 0;
  while (stepping && ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) == 0 && waitpid(child, &status, 0) == child &&
         WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP) {
    struct user_regs_struct registers;
    ptrace(PTRACE_GETREGS, child, NULL, &registers);
    // The code is the same in this process, at the same address: the child is its fork.
    locked += locks((const unsigned char *)registers.rip);
  }
  if (!WIFEXITED(status)) {
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
  }
  return locked;
}

#else

int count_atomics(void) {
  return -1;
}

#endif
