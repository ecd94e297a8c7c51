// SPDX-License-Identifier: Apache-2.0
//
// Signals that become an exit.
//
//   (none) ------ the first one: who and what is kept, a thread that waits for it wakes ----> (taken)
//   (taken) ----- a few milliseconds later that thread starts to exit ----> (exiting)
//   (exiting) --- another one ----> the process dies of it, there and then
//   (exiting) --- the exit has come to its end ----> the process dies of the first
//
// Until it is exiting a second one is part of the same request: timeout(1) and service managers send theirs twice. The
// thread sleeps those milliseconds because its waking may have been what kept the sender from going on.
//
// The handler runs on any thread, in the middle of anything, and in children: vfork's share this memory, so the process
// is asked for each time. What a forked child gets it leaves to the disposition that was there before.

#include "events.h"

enum { TAKEN = 1, EXITING = 2, CHANGE = 4 };

static _Atomic uint32_t state;  // what the thread sleeps on; from CHANGE up it counts what was chosen
static _Atomic uint32_t home;   // the number of the process whose thread that is
static _Atomic uint64_t chosen; // bit n - 1: signal n is one of them
static struct sigaction before[64];
static sigset_t usual; // the mask of the thread that asked first

static const int common[] = {SIGINT, SIGTERM, SIGHUP};
// Those that do not end a process, and those that say it has crashed: the thread that crashed cannot go on.
static const int refused[] = {SIGKILL,  SIGSTOP, SIGCHLD, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG,
                              SIGWINCH, SIGSEGV, SIGBUS,  SIGILL,  SIGFPE,  SIGTRAP, SIGABRT, SIGSYS};

// ---- In the signal handler

static uint64_t describe(int number, const siginfo_t *info) {
  bool sent = info->si_code == SI_USER || info->si_code == SI_QUEUE || info->si_code == SI_TKILL;
  return (uint64_t)(uint32_t)(sent ? info->si_pid : 0) << 32 | (uint32_t)number;
}

// In a child: the signal is for what was there before. By default the child dies, the first process of a namespace too,
// which the kernel would spare. A handler finds the signal once this one has returned.
static void leave_to_former_disposition(int number) {
  const struct sigaction *former = &before[number - 1];
  if ((former->sa_flags & SA_SIGINFO) == 0 && former->sa_handler == SIG_DFL) cexit__die_of(number);
  sigaction(number, former, NULL);
  cexit__raise(number);
}

static void take(int number, siginfo_t *info, void *machine) {
  (void)machine;
  int saved = errno;
  uint64_t none = 0;
  if (cexit__process_number() != atomic_load(&home)) {
    leave_to_former_disposition(number);
  } else if (atomic_compare_exchange_strong(&cexit__leaving.signal, &none, describe(number, info))) {
    atomic_fetch_or(&state, TAKEN);
    cexit__futex_wake(&state, 1);
  } else if ((atomic_load(&state) & EXITING) != 0 &&
             number != SIGPIPE) { // each write to a broken pipe raises that one anew
    cexit__die_of(number);
  }
  errno = saved;
}

static bool is_ours(const struct sigaction *action) {
  return (action->sa_flags & SA_SIGINFO) != 0 && action->sa_sigaction == take;
}

// ---- The thread

static void set_mask_without_chosen(sigset_t mask) {
  uint64_t bits = atomic_load(&chosen);
  for (int number = 1; number <= 64; number++) {
    if ((bits >> (number - 1) & 1) != 0) sigdelset(&mask, number);
  }
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

static void *exit_when_taken(void *unused) {
  (void)unused;
  sigset_t all;
  sigfillset(&all);
  for (uint32_t seen; ((seen = atomic_load(&state)) & TAKEN) == 0;) {
    set_mask_without_chosen(all);
    cexit__futex_wait(&state, seen);
  }
  struct timespec left = {0, 5000000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
  atomic_fetch_or(&state, EXITING);
  set_mask_without_chosen(usual); // what handlers start inherits it
  cexit__exit(128 + cexit__exit_signal(NULL));
}

// ---- Asking for it

static bool is_refused(int number) {
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    if (refused[i] == number) return true;
  }
  struct sigaction now;
  return number < 1 || number > 64 || sigaction(number, NULL, &now) != 0;
}

static int choose(int number) {
  struct sigaction now, ours = {.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
  ours.sa_sigaction = take;
  sigemptyset(&ours.sa_mask);
  sigaction(number, NULL, &now);
  bool ignored = (now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == SIG_IGN; // nohup
  if (ignored || is_ours(&now)) return 0;
  before[number - 1] = now;
  uint64_t bit = (uint64_t)1 << (number - 1), already = atomic_fetch_or(&chosen, bit) & bit;
  if (sigaction(number, &ours, NULL) == 0) return 0;
  int error = errno;
  if (already == 0) atomic_fetch_and(&chosen, ~bit);
  return error;
}

int cexit__exit_on_signals(const int *signals, size_t count) {
  if (signals == NULL) {
    if (count != 0) return EINVAL;
    signals = common;
    count = sizeof common / sizeof *common;
  }
  for (size_t i = 0; i < count; i++) {
    if (is_refused(signals[i])) return EINVAL;
  }
  int saved = errno;
  int error = cexit__gate_prepare();
  if (error == 0) error = cexit__last_act_prepare();
  if (error == 0 && atomic_load(&home) != cexit__process_number()) pthread_sigmask(SIG_BLOCK, NULL, &usual);
  if (error == 0) error = cexit__helper_start(&home, exit_when_taken, "exit on signal");
  for (size_t i = 0; error == 0 && i < count; i++) error = choose(signals[i]);
  atomic_fetch_add(&state, CHANGE);
  cexit__futex_wake(&state, 1);
  errno = saved;
  return error;
}

// ---- From the rest of the library

void cexit__signals_forked(void) {
  atomic_store(&cexit__leaving.signal, 0);
  atomic_store(&state, 0);
}

// From here on a signal finds what was there before, and so does the one that was taken. If the process survives it
// there, as a handler may have it, it dies none the less.
void cexit__signals_end(void) {
  uint64_t bits = cexit__process_number() == atomic_load(&home) ? atomic_load(&chosen) : 0;
  for (int number = 1; number <= 64; number++) {
    struct sigaction now;
    if ((bits >> (number - 1) & 1) == 0) continue;
    if (sigaction(number, NULL, &now) == 0 && is_ours(&now)) sigaction(number, &before[number - 1], NULL);
  }
  int number = cexit__exit_signal(NULL);
  if (number == 0) return;
  cexit__raise_here(number);
  cexit__die_of(number);
}
