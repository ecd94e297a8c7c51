// SPDX-License-Identifier: Apache-2.0
//
// The crash note: a handler that crashes while the process exits is named. Nothing is installed but during the run.
//
// A signal is not always a crash. A signal handler of the program's is called in the middle of the library's handler: the
// program's handler may mend the fault, jump away, or take itself off, and only then, since the process dies next, is the
// note written. A signal that was sent and is ignored stays ignored. Else the note is written first, and the former
// disposition has the signal: an instruction that faults does so again; a sent signal, and a breakpoint, which has moved
// on, is sent once more.
//
// A trap of the main thread while another thread exits is an error out of main, and ends nothing.
//
// The kernel ends a process at once where a crash signal is blocked, so the exiter unblocks these for the run.

#include "watch.h"

static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT};
enum { CRASHES = sizeof crashes / sizeof *crashes };

static struct sigaction before[CRASHES];
// A stack for signals, if the exiter has none: a handler may have used up the thread's stack.
TABLE char cexit__crash_stack[1 << 16];

static void write_note(int number) {
  if (cexit__thread.running == NULL) return;
  struct note note;
  cexit__note_begin(&note);
  cexit__note_handler(&note, cexit__thread.running->entry);
  cexit__note(&note, " crashed: ");
  cexit__note_signal(&note, number);
  cexit__note_write(&note);
}

static void call_former(const struct sigaction *former, int number, siginfo_t *info, void *machine) {
  sigset_t mask = former->sa_mask, usual;
  if ((former->sa_flags & SA_RESETHAND) != 0) signal_set(number, &(struct sigaction){.sa_handler = SIG_DFL});
  pthread_sigmask(SIG_BLOCK, &mask, &usual);
  sigemptyset(&mask);
  sigaddset(&mask, number);
  if ((former->sa_flags & SA_NODEFER) != 0) pthread_sigmask(SIG_UNBLOCK, &mask, NULL);
  if ((former->sa_flags & SA_SIGINFO) != 0)
    former->sa_sigaction(number, info, machine);
  else
    former->sa_handler(number);
  pthread_sigmask(SIG_SETMASK, &usual, NULL);
}

// An error out of a main of Swift traps. While another thread exits, the exit is often its cause: a handler has closed what
// main works with. Main has nothing more to do, so main stands still, and the exit goes on.
static void hold_trapped_main(int number) {
  static const uint32_t for_ever = 0;
  bool traps = number == SIGILL || number == SIGTRAP, runs = cexit__thread.running != NULL;
  if (!traps || runs || !cexit__is_main_thread() || !cexit__is_exiting() || cexit__gate_is_own(&cexit__leaving)) return;
  cexit__main_stands();
  for (;;) cexit__futex_wait(&for_ever, 0);
}

static void crashed(int number, siginfo_t *info, void *machine) {
  int saved = errno, place = 0;
  while (crashes[place] != number) place++;
  struct sigaction former = before[place], now;
  bool sent = cexit__is_sent(info), ends = number == SIGABRT; // abort() ends the process whatever a handler does
  if (!sent) hold_trapped_main(number);
  if (sent && !ends && (cexit__thread.unblocked & 1u << place) != 0) { // the program has it wait
    cexit__thread.unblocked &= (unsigned char)~(1u << place);
    sigaddset(&((ucontext_t *)machine)->uc_sigmask, number);
    cexit__send_anew(number, info);
  } else if (sent && !ends && cexit__is_plain(&former, SIG_IGN)) {
    // nothing happens
  } else if (ends || cexit__is_plain(&former, SIG_DFL) || cexit__is_plain(&former, SIG_IGN)) {
    write_note(number);
    signal_set(number, &former);
    if (sent || number == SIGTRAP) cexit__send_anew(number, info);
  } else {
    call_former(&former, number, info, machine);
    if (signal_now(number, &now) == 0 && cexit__is_plain(&now, SIG_DFL)) write_note(number);
  }
  errno = saved;
}

static void unblock(void) {
  sigset_t blocked, waiting, these;
  pthread_sigmask(SIG_BLOCK, NULL, &blocked);
  if (sigisemptyset(&blocked)) return; // as in most programs
  sigemptyset(&these);
  sigpending(&waiting);
  for (int i = 0; i < CRASHES; i++) {
    if (sigismember(&blocked, crashes[i]) != 1 || sigismember(&waiting, crashes[i]) != 0) continue;
    sigaddset(&these, crashes[i]);
    cexit__thread.unblocked |= (unsigned char)(1u << i);
  }
  pthread_sigmask(SIG_UNBLOCK, &these, NULL);
}

static void block_again(void) {
  if (cexit__thread.unblocked == 0) return;
  sigset_t these;
  sigemptyset(&these);
  for (int i = 0; i < CRASHES; i++) {
    if ((cexit__thread.unblocked & 1u << i) != 0) sigaddset(&these, crashes[i]);
  }
  cexit__thread.unblocked = 0;
  pthread_sigmask(SIG_BLOCK, &these, NULL);
}

void cexit__crash_note_begin(void) {
  struct sigaction now;
  stack_t stack;
  if (sigaltstack(NULL, &stack) == 0 && (stack.ss_flags & SS_DISABLE) != 0) {
    sigaltstack(&(stack_t){.ss_sp = cexit__crash_stack, .ss_size = sizeof cexit__crash_stack}, NULL);
  }
  for (int i = 0; i < CRASHES; i++) {
    if (signal_now(crashes[i], &now) != 0 || cexit__is_handler(&now, crashed)) continue;
    before[i] = now;
    cexit__handle(crashes[i], crashed, 0);
  }
  unblock();
  cexit__broken_pipe_begin();
  atomic_fetch_or(&cexit__observed, OBSERVED_FOR_CRASHES);
}

void cexit__crash_note_end(void) {
  for (int i = 0; i < CRASHES; i++) cexit__give_back(crashes[i], crashed, &before[i]);
  block_again();
  cexit__broken_pipe_end();
  stack_t stack;
  if (sigaltstack(NULL, &stack) == 0 && stack.ss_sp == cexit__crash_stack)
    sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
}
