// SPDX-License-Identifier: Apache-2.0
//
// Signals that become an exit.
//
//   (none) ------ the first signal: the handler keeps number and sender, and wakes the library's thread ---> (taken)
//   (taken) ----- a few milliseconds later the library's thread starts to exit ---> (exiting)
//   (exiting) --- a second signal ---> the process dies of the second signal at once
//   (exiting) --- the exit has come to its end ---> the process dies of the first signal
//
// Until the process is exiting, and for half a second, a second signal is part of the same request: timeout(1) and
// service managers send a signal twice, a shell and the kernel a SIGHUP each. The thread sleeps the few milliseconds so
// that the sender can go on and send the second signal. cexit_request_exit goes the same way, without a signal.
//
// The handler runs on any thread, at any instruction, and in children. A child of vfork shares this memory, so the
// handler compares the process each time. In a forked child the handler leaves the signal to the older disposition.

#include "events.h"

enum { TAKEN = 1, EXITING = 2, REQUESTED = 4, CHANGE = 8 };

_Atomic uint64_t cexit__signals_chosen;

static _Atomic uint32_t state;                // the thread sleeps on this word; the bits from CHANGE up count choices
static _Atomic uint32_t home;                 // the process that has the thread
static _Atomic uint64_t taken_at;             // nanoseconds, of cexit__now
static _Atomic uint64_t patience = 500000000; // nanoseconds before a second signal ends the process
static _Atomic uint64_t requested;            // 1 << 32 plus the status; 0: no request
TABLE struct sigaction cexit__former_signals[64];
static sigset_t usual; // the signal mask of the thread that first asked for signals

#define BIT(number) ((uint64_t)1 << ((number)-1)) // in a set of signals
#define COMMON (BIT(SIGINT) | BIT(SIGTERM) | BIT(SIGHUP))
// Signals that do not end a process, and signals of a crash: the thread that crashed cannot go on. platform.h adds signals
// that POSIX does not know.
#define REFUSED                                                                                                        \
  (BIT(SIGKILL) | BIT(SIGSTOP) | BIT(SIGCHLD) | BIT(SIGCONT) | BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU) |            \
   BIT(SIGURG) | BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGILL) | BIT(SIGFPE) | BIT(SIGTRAP) | BIT(SIGABRT) | BIT(SIGSYS) |  \
   REFUSED_BEYOND_POSIX)

static int take_number(uint64_t *set) { // the lowest signal, out of the set; 0: the set is empty
  if (*set == 0) return 0;
  int number = __builtin_ctzll(*set) + 1;
  *set &= *set - 1;
  return number;
}

// ---- In the signal handler

static uint64_t describe(int number, const siginfo_t *info) {
  return (uint64_t)(uint32_t)cexit__sender(info) << 32 | (uint32_t)number;
}

// In a child the signal goes to the older disposition. By default the child dies, even as the first process of a
// namespace, which the kernel would spare. An older handler gets the signal when this handler has returned.
static void leave_to_former_disposition(int number) {
  const struct sigaction *former = &cexit__former_signals[number - 1];
  if (cexit__is_plain(former, SIG_DFL)) cexit__die_of(number);
  signal_set(number, former);
  cexit__raise(number);
}

// While a file of this process reads the signal, the program drains by it; the exit comes after that.
static bool is_left(int number, siginfo_t *info, void *machine) {
  return atomic_load(&state) % CHANGE == 0 && !cexit__is_exiting() &&
         cexit__signal_left_to_reader(&cexit__former_signals[number - 1], number, info, machine);
}

// SIGPIPE comes with each write to a broken pipe, SIGHUP from the shell and from the kernel.
static bool ends_at_once(int number) {
  bool repeats = number == SIGPIPE || number == SIGHUP;
  return !repeats && cexit__now() - atomic_load(&taken_at) >= atomic_load(&patience);
}

static void take(int number, siginfo_t *info, void *machine) {
  int saved = errno;
  uint64_t none = 0;
  if (cexit__process_number() != atomic_load(&home)) {
    leave_to_former_disposition(number);
  } else if (!cexit__hold_answer(info, machine) && !is_left(number, info, machine)) {
    if (atomic_compare_exchange_strong(&cexit__leaving.signal, &none, describe(number, info)))
      atomic_store(&taken_at, cexit__now());
    uint32_t seen = atomic_fetch_or(&state, TAKEN);
    if ((seen & TAKEN) == 0)
      cexit__futex_wake(&state, 1);
    else if ((seen & EXITING) != 0 && ends_at_once(number)) {
      cexit__trace_cut_off();
      cexit__die_of(number);
    }
    cexit__hold_interrupted(machine);
  }
  errno = saved;
}

// ---- The main thread

static void answer(int number, siginfo_t *info, void *machine) {
  (void)number;
  int saved = errno;
  cexit__hold_answer(info, machine);
  errno = saved;
}

// By a chosen signal; else by SIGURG, which does nothing by default, if the program leaves that one alone.
static bool hold_main(void) {
  uint64_t set = atomic_load(&cexit__signals_chosen);
  int number = take_number(&set);
  if (number != 0) return cexit__hold_main(number);
  struct sigaction former;
  if (signal_now(SIGURG, &former) != 0 || !cexit__is_plain(&former, SIG_DFL) ||
      cexit__handle(SIGURG, answer, SA_RESTART) != 0)
    return false;
  bool held = cexit__hold_main(SIGURG);
  cexit__give_back(SIGURG, answer, &former);
  return held;
}

bool cexit__main_hold(void) {
  return cexit__gate_is_own(&cexit__leaving) && hold_main() && cexit__main_borrow();
}

// ---- The thread

static void set_mask_without_chosen(sigset_t mask) {
  uint64_t left = atomic_load(&cexit__signals_chosen);
  for (int number; (number = take_number(&left)) != 0;) sigdelset(&mask, number);
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

static void *exit_when_taken(void *unused) {
  (void)unused;
  sigset_t all;
  sigfillset(&all);
  for (uint32_t seen; ((seen = atomic_load(&state)) & (TAKEN | REQUESTED)) == 0;) {
    set_mask_without_chosen(all);
    cexit__futex_wait(&state, seen);
  }
  struct timespec left = {0, (atomic_load(&state) & TAKEN) != 0 ? 5000000 : 0};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
  atomic_fetch_or(&state, EXITING);
  set_mask_without_chosen(usual); // programs that handlers start inherit the mask
  int number = cexit__exit_signal(NULL);
  hold_main();
  cexit__exit(number != 0 ? 128 + number : (int)(uint32_t)atomic_load(&requested));
}

// ---- Asking for signals

static bool is_refused(int number) {
  struct sigaction now;
  return number < 1 || number > 64 || (REFUSED & BIT(number)) != 0 || signal_now(number, &now) != 0;
}

static void give_back(uint64_t set) {
  for (int number; (number = take_number(&set)) != 0;) {
    cexit__give_back(number, take, &cexit__former_signals[number - 1]);
  }
}

static int choose(int number, uint64_t *added) {
  struct sigaction now;
  if (signal_now(number, &now) != 0) return errno;
  if (cexit__is_plain(&now, SIG_IGN) || cexit__is_handler(&now, take)) return 0; // nohup ignores SIGHUP, and keeps that
  cexit__former_signals[number - 1] = now;
  uint64_t bit = BIT(number), already = atomic_fetch_or(&cexit__signals_chosen, bit) & bit;
  int error = cexit__handle(number, take, SA_RESTART);
  if (error == 0) *added |= bit & ~already;
  if (error != 0 && already == 0) atomic_fetch_and(&cexit__signals_chosen, ~bit);
  return error;
}

static int start_thread(void) {
  int error = cexit__gate_prepare();
  if (error == 0) error = cexit__last_act_prepare();
  if (error == 0 && atomic_load(&home) != cexit__process_number()) pthread_sigmask(SIG_BLOCK, NULL, &usual);
  if (error == 0) error = cexit__helper_start(&home, exit_when_taken, "exit on signal");
  if (error == 0) cexit__prepare_limits(); // for the line about a handler that does not end; signals do without
  return error;
}

static void tell_thread(uint32_t what) {
  if (what == CHANGE)
    atomic_fetch_add(&state, CHANGE);
  else
    atomic_fetch_or(&state, what);
  cexit__futex_wake(&state, 1);
}

int cexit__exit_on_signals(const int *signals, size_t count) {
  if (signals == NULL && count != 0) return EINVAL;
  uint64_t wanted = signals == NULL ? COMMON : 0, added = 0;
  for (size_t i = 0; i < count; i++) {
    if (is_refused(signals[i])) return EINVAL;
    wanted |= BIT(signals[i]);
  }
  int saved = errno, error = start_thread();
  for (int number; error == 0 && (number = take_number(&wanted)) != 0;) error = choose(number, &added);
  if (error != 0) {
    give_back(added);
    atomic_fetch_and(&cexit__signals_chosen, ~added);
  }
  tell_thread(CHANGE);
  errno = saved;
  return error;
}

int cexit__request_exit(int status) {
  int saved = errno, error = start_thread();
  uint64_t none = 0;
  if (error == 0) {
    atomic_compare_exchange_strong(&requested, &none, (uint64_t)1 << 32 | (uint32_t)status);
    tell_thread(REQUESTED);
  }
  errno = saved;
  return error;
}

int cexit__set_signal_patience(uint64_t nanoseconds) {
  if (nanoseconds > INT64_MAX) return EINVAL;
  atomic_store(&patience, nanoseconds);
  return 0;
}

uint64_t cexit__signal_patience(void) {
  return atomic_load(&patience);
}

// ---- From the rest of the library

void cexit__signals_forked(void) {
  atomic_store(&cexit__leaving.signal, 0);
  atomic_store(&requested, 0);
  atomic_store(&state, 0);
  cexit__hold_forked();
}

void cexit__signals_begin(void) {
  if (cexit__process_number() != atomic_load(&home)) return;
  uint64_t left = atomic_load(&cexit__signals_chosen);
  for (int number; (number = take_number(&left)) != 0;) {
    struct sigaction now;
    if (signal_now(number, &now) != 0 || cexit__is_handler(&now, take)) continue;
    cexit__signal_taken_back(number, &now);
    cexit__handle(number, take, SA_RESTART);
  }
}

// From now on a signal finds the older disposition, and so does the signal that started the exit. An older handler may
// let the process survive; then the process dies of the signal by its default action.
void cexit__signals_end(void) {
  if (cexit__process_number() == atomic_load(&home)) give_back(atomic_load(&cexit__signals_chosen));
  int number = cexit__exit_signal(NULL);
  if (number == 0) return;
  cexit__raise_here(number);
  cexit__die_of(number);
}
