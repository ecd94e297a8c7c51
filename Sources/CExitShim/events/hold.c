// SPDX-License-Identifier: Apache-2.0
//
// Holding the main thread. A signal's exit runs on a thread of its own, while the main thread goes on. A main thread
// that sleeps in the kernel (sleep, read, poll, accept…) is held in the signal handler: so main does not go on with an
// interrupted call while the exit runs, and handlers of the main actor need not wait for main (exit/main_thread.c).
//
//   GOING --- the exiter asks, and sends main a chosen signal ---> ASKED
//   ASKED --- main's signal handler has interrupted a system call ---> HELD: main sleeps in the handler for ever
//   ASKED --- the handler has interrupted code, which may hold a lock of libc's ---> GOING
//   GOING --- a chosen signal comes to main itself, and interrupted a system call ---> HELD
//
// A lock of the program that the held main thread owns stays locked. A handler that needs the lock waits for the
// deadline.

#include "events.h"

#include <sys/syscall.h>
#include <ucontext.h>

enum { GOING, ASKED, HELD };
static _Atomic uint32_t main_thread;

enum { MOST = 50000000 }; // nanoseconds that the exiter waits for an answer

// The kernel has put the thread back in front of the call, or the call has ended with EINTR. Of a futex neither counts:
// the thread waits for a lock.
static bool interrupted_a_call(const void *machine) {
  const ucontext_t *context = machine;
#if defined(__x86_64__)
  const unsigned char *next = (const unsigned char *)context->uc_mcontext.gregs[REG_RIP];
  long long result = context->uc_mcontext.gregs[REG_RAX];
  if (next[0] == 0x0F && next[1] == 0x05) return result != SYS_futex;
  return next[-2] == 0x0F && next[-1] == 0x05 && result == -EINTR;
#elif defined(__aarch64__)
  const uint32_t *next = (const uint32_t *)context->uc_mcontext.pc;
  if (context->uc_mcontext.regs[8] == SYS_futex) return false;
  return next[0] == 0xD4000001 || (next[-1] == 0xD4000001 && (long)context->uc_mcontext.regs[0] == -EINTR);
#else
  (void)context;
  return false;
#endif
}

static CEXIT_NORETURN void stay(void) {
  atomic_store(&main_thread, HELD);
  cexit__main_stands();
  cexit__futex_wake(&main_thread, 1);
  for (;;) cexit__futex_wait(&main_thread, HELD);
}

static bool may_be_held(void) { // false while main runs handlers, or waits for a thread that runs handlers
  return cexit__is_main_thread() && cexit__thread.running == NULL && cexit__thread.manual_runs == 0 &&
         !cexit__thread.at_gate && !cexit__gate_is_own(&cexit__leaving);
}

bool cexit__hold_answer(const siginfo_t *info, const void *machine) {
  uint32_t asked = ASKED;
  if (info->si_code != SI_TKILL || info->si_pid != getpid() || atomic_load(&main_thread) != ASKED) return false;
  if (may_be_held() && interrupted_a_call(machine)) stay();
  atomic_compare_exchange_strong(&main_thread, &asked, GOING);
  cexit__futex_wake(&main_thread, 1);
  return true;
}

void cexit__hold_interrupted(const void *machine) {
  if (may_be_held() && interrupted_a_call(machine)) stay();
}

bool cexit__hold_main(int number) {
  uint32_t going = GOING, asked = ASKED;
  int task = getpid();
  if (cexit__is_main_thread() || !cexit__task_is_asleep(task)) return false;
  if (!atomic_compare_exchange_strong(&main_thread, &going, ASKED)) return going == HELD;
  if (cexit__raise_on(task, number)) cexit__futex_wait_for(&main_thread, ASKED, MOST);
  if (atomic_compare_exchange_strong(&main_thread, &asked, GOING)) return false; // main blocks the signal
  return asked == HELD;
}

void cexit__hold_forked(void) {
  atomic_store(&main_thread, GOING);
}
