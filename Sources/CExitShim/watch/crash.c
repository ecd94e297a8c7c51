// SPDX-License-Identifier: Apache-2.0
//
// The crash note: a handler that crashes while the process exits is named, before whoever was there for the signal has
// it, Swift's backtracer for one. Nothing is installed but during the run.
//
// Having given the signal back, the handler returns: an instruction that faults does so again, with all its registers.
// What was sent, not raised by an instruction, and what has moved on, as a breakpoint has, is sent anew.

#include "watch.h"

#include <sys/syscall.h>

static const struct {
  int number;
  const char *name;
} crashes[] = {{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGILL, "SIGILL"},
               {SIGFPE, "SIGFPE"},   {SIGTRAP, "SIGTRAP"}, {SIGABRT, "SIGABRT"}};
enum { CRASHES = sizeof crashes / sizeof *crashes };

static struct sigaction before[CRASHES];
static char alternate[1 << 16]; // its stack for signals, if it has none: a handler may have used up its own

static void crashed(int number, siginfo_t *info, void *machine) {
  (void)machine;
  int saved = errno;
  const char *name = "";
  for (int i = 0; i < CRASHES; i++) {
    if (crashes[i].number != number) continue;
    name = crashes[i].name;
    sigaction(number, &before[i], NULL);
  }
  if (cexit__thread.running != NULL) {
    struct note note = {0};
    cexit__note_text(&note, "ExitKit: ");
    cexit__note_handler(&note, cexit__thread.running->entry);
    cexit__note_text(&note, " crashed: ");
    cexit__note_text(&note, name);
    cexit__note_write(&note);
  }
  if (info->si_code <= 0 || number == SIGTRAP)
    syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), number, info);
  errno = saved;
}

static bool is_ours(const struct sigaction *action) {
  return (action->sa_flags & SA_SIGINFO) != 0 && action->sa_sigaction == crashed;
}

void cexit__crash_note_begin(void) {
  struct sigaction now, ours = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
  ours.sa_sigaction = crashed;
  sigemptyset(&ours.sa_mask);
  stack_t stack;
  if (sigaltstack(NULL, &stack) == 0 && (stack.ss_flags & SS_DISABLE) != 0) {
    sigaltstack(&(stack_t){.ss_sp = alternate, .ss_size = sizeof alternate}, NULL);
  }
  for (int i = 0; i < CRASHES; i++) {
    if (sigaction(crashes[i].number, NULL, &now) != 0 || is_ours(&now)) continue;
    before[i] = now;
    sigaction(crashes[i].number, &ours, NULL);
  }
  atomic_fetch_or(&cexit__observed, OBSERVED_FOR_CRASHES);
}

void cexit__crash_note_end(void) {
  struct sigaction now;
  for (int i = 0; i < CRASHES; i++) {
    if (sigaction(crashes[i].number, NULL, &now) == 0 && is_ours(&now)) sigaction(crashes[i].number, &before[i], NULL);
  }
  stack_t stack;
  if (sigaltstack(NULL, &stack) == 0 && stack.ss_sp == alternate) sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
}
