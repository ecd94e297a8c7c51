// SPDX-License-Identifier: Apache-2.0
// Handlers that crash, each in its own way. The library prints the handler's name; then the process dies as without the
// library.

#include "fixture.h"

#include <setjmp.h>

static void by_null(void *unused) {
  (void)unused;
  *(volatile int *)8 = 1;
}

static void by_bus(void *unused) { // writes to a page beyond the end of the mapped file
  (void)unused;
  int file = memfd_create("empty", 0);
  *(volatile char *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) = 1;
}

static void by_trap(void *unused) {
  (void)unused;
  illegal_instruction();
}

static void by_breakpoint(void *unused) {
  (void)unused;
#if defined(__x86_64__) || defined(__i386__)
  __asm__ volatile("int3");
#elif defined(__aarch64__)
  __asm__ volatile("brk #1");
#elif defined(__arm__)
  __asm__ volatile("bkpt");
#else
  raise(SIGTRAP);
#endif
}

static void by_abort(void *unused) {
  (void)unused;
  abort();
}

static void by_raise(void *unused) {
  (void)unused;
  raise(SIGFPE);
}

static int deeper(volatile char *outer) {
  volatile char here[4096];
  here[0] = outer != NULL ? outer[0] : 0;
  return here[0] == 0 ? deeper(here) + here[0] : 0;
}

static void by_overflow(void *unused) {
  (void)unused;
  deeper(NULL);
}

static void by_release(void *name) {
  memset(name, 'x', strlen(name));
  by_null(NULL);
}

static void nothing(void *unused) {
  (void)unused;
}

static const struct crash {
  const char *name;
  void (*function)(void *);
} crashes[] = {{"null", by_null},   {"bus", by_bus},     {"trap", by_trap},        {"breakpoint", by_breakpoint},
               {"abort", by_abort}, {"raise", by_raise}, {"overflow", by_overflow}};

static cexit_entry named(int count, char **arguments) {
  cexit_entry entry = {.name = "bad one", .file = "App/main.c", .line = 12};
  for (size_t i = 0; count > 0 && i < sizeof crashes / sizeof *crashes; i++) {
    if (strcmp(arguments[0], crashes[i].name) == 0) entry.function = crashes[i].function;
  }
  CHECK(entry.function != NULL);
  return entry;
}

static int plain(int count, char **arguments) {
  cexit_entry entry = named(count, arguments);
  push_name(NULL, "never");
  CHECK(cexit_register(NULL, &entry, NULL) == 0);
  push_name(NULL, "first");
  exit(7);
}

static int on_signal(int count, char **arguments) { // the handler crashes on the library's thread for signals
  cexit_entry entry = named(count, arguments);
  CHECK(cexit_exit_on_signals(NULL, 0) == 0);
  CHECK(cexit_register(NULL, &entry, NULL) == 0);
  raise(SIGTERM);
  for (;;) pause();
}

static int unnamed(int count, char **arguments) { // the function's object and symbol are all that is known
  (void)count;
  (void)arguments;
  push(NULL, by_null, NULL);
  exit(7);
}

static void was_there(int number, siginfo_t *info, void *machine) {
  (void)machine;
  say("was there before: signal %d, %s\n", number,
      info->si_code > 0 && info->si_addr == (void *)8 ? "at the address"
      : info->si_pid == getpid()                      ? "sent by itself"
                                                      : "?");
  _exit(9);
}

static int before(int count, char **arguments) { // the program's older signal handler gets the signal and its siginfo
  cexit_entry entry = named(count, arguments);
  struct sigaction action = {.sa_flags = SA_SIGINFO};
  action.sa_sigaction = was_there;
  for (int number = 1; number < 32; number++) sigaction(number, &action, NULL);
  CHECK(cexit_register(NULL, &entry, NULL) == 0);
  exit(7);
}

static int release(int count, char **arguments) {
  (void)count;
  (void)arguments;
  static char name[] = "goes early";
  cexit_entry entry = {.function = nothing, .release = by_release, .context = name, .name = name};
  CHECK(cexit_register(NULL, &entry, NULL) == 0);
  exit(7);
}

static void *crash(void *unused) {
  by_null(NULL);
  return unused;
}

static void crash_elsewhere(void *unused) {
  (void)unused;
  join(start(crash, NULL));
}

static int elsewhere(int count, char **arguments) { // another thread crashes, no handler of the stack
  (void)count;
  (void)arguments;
  push(NULL, crash_elsewhere, NULL);
  exit(7);
}

static bool is_default(int number) {
  struct sigaction now;
  return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_DFL;
}

static void look(void *expected) {
  stack_t stack;
  CHECK(is_default(SIGSEGV) == (expected == NULL) && is_default(SIGABRT) == (expected == NULL));
  CHECK(sigaltstack(NULL, &stack) == 0 && ((stack.ss_flags & SS_DISABLE) != 0) == (expected == NULL));
}

static void look_in_libc(void) {
  look(NULL);
  say("libc's\n");
}

static int only_in_the_run(int count, char **arguments) {
  (void)count;
  (void)arguments;
  CHECK(atexit(look_in_libc) == 0);
  push(NULL, look, "installed");
  look(NULL);
  cexit_stack *stack;
  CHECK(cexit_stack_create("by hand", &stack) == 0);
  push(stack, look, NULL);
  CHECK(cexit_stack_run(stack) == 1);
  exit(7);
}

static void taken_over(int number) {
  say("taken over: %d\n", number);
  _exit(8);
}

static void take_over(void *unused) {
  (void)unused;
  signal(SIGSEGV, taken_over);
}

static void crash_in_libc(void) {
  by_null(NULL);
}

static int handed_over(int count, char **arguments) { // a signal handler that an exit handler installed stays installed
  (void)count;
  (void)arguments;
  CHECK(atexit(crash_in_libc) == 0);
  push(NULL, take_over, NULL);
  exit(7);
}

// ---- Signals that are no crash

static char *page;
static sigjmp_buf guard;

static void map_page(int number) {
  (void)number;
  mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void jump_away(int number) {
  (void)number;
  siglongjmp(guard, 1);
}

static void write_page(void *unused) {
  (void)unused;
  page[0] = 1;
  say("mapped, and written\n");
  signal(SIGSEGV, jump_away);
}

static void touch(void *unused) {
  (void)unused;
  if (sigsetjmp(guard, 1) == 0) by_null(NULL);
  say("left\n");
}

static void send_ignored(void *unused) {
  (void)unused;
  CHECK(raise(SIGBUS) == 0);
  say("ignored\n");
}

static int no_crash(int count, char **arguments) {
  (void)count;
  (void)arguments;
  page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  signal(SIGSEGV, map_page);
  signal(SIGBUS, SIG_IGN);
  push(NULL, send_ignored, NULL);
  push(NULL, touch, NULL);
  push(NULL, write_page, NULL);
  exit(7);
}

static void take_off(int number) { // prints, restores the default action and returns, as crash reporters do
  say("reported\n");
  signal(number, SIG_DFL);
}

static int reporter(int count, char **arguments) {
  cexit_entry entry = named(count, arguments);
  signal(SIGSEGV, take_off);
  CHECK(cexit_register(NULL, &entry, NULL) == 0);
  exit(7);
}

// ---- Blocked

static int blocked(int count, char **arguments) { // all signals are blocked, as in a program that uses sigwait
  cexit_entry entry = named(count, arguments);
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, NULL);
  CHECK(cexit_register(NULL, &entry, NULL) == 0);
  exit(7);
}

static void exit_from_here(int number) {
  (void)number;
  exit(7);
}

static int from_a_crash(int count, char **arguments) { // exit runs in a handler of SIGSEGV, so SIGSEGV is blocked
  cexit_entry entry = named(count, arguments);
  CHECK(cexit_register(NULL, &entry, NULL) == 0);
  struct sigaction action = {.sa_handler = exit_from_here, .sa_flags = (int)SA_RESETHAND};
  sigaction(SIGSEGV, &action, NULL);
  by_null(NULL);
  return 97;
}

static void send_blocked(void *unused) {
  (void)unused;
  sigset_t pending;
  CHECK(raise(SIGBUS) == 0 && sigpending(&pending) == 0 && sigismember(&pending, SIGBUS) == 1);
  say("waits\n");
}

static void look_at_mask(void) {
  sigset_t now;
  CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0);
  for (int number = 1; number < 32; number++)
    CHECK(sigismember(&now, number) == (number != SIGKILL && number != SIGSTOP));
}

static int sent_while_blocked(int count, char **arguments) { // the signal stays pending for a sigwait of the program
  (void)count;
  (void)arguments;
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, NULL);
  CHECK(atexit(look_at_mask) == 0);
  push(NULL, send_blocked, NULL);
  exit(7);
}

// ---- A pipe that closes

static void report(void *times) {
  for (intptr_t i = 0; i < (intptr_t)times; i++) CHECK(write(STDIN_FILENO, "report\n", 7) == -1 && errno == EPIPE);
}

static void say_status(int status, void *unused) {
  (void)unused;
  say("status %d\n", status);
}

// The broken pipe gets the descriptor of standard input, so that the case can still print on standard output.
static int broken_pipe(int count, char **arguments) {
  int ends[2];
  CHECK(pipe(ends) == 0 && dup2(ends[1], STDIN_FILENO) == 0 && close(ends[0]) == 0);
  CHECK(cexit_on_exit(say_status, NULL) == 0);
  cexit_entry entry = {.function = report, .context = (void *)3, .name = "report", .file = "App/main.c", .line = 12};
  CHECK(cexit_register(NULL, &entry, NULL) == 0);
  if (count > 0) signal(SIGPIPE, SIG_IGN);
  (void)arguments;
  exit(3);
}

static int no_stderr(int count, char **arguments) {
  (void)count;
  (void)arguments;
  int ends[2];
  CHECK(pipe(ends) == 0 && dup2(ends[1], STDERR_FILENO) >= 0 && close(ends[0]) == 0);
  push(NULL, by_null, NULL);
  exit(7);
}

FIXTURE({"plain", plain}, {"signal", on_signal}, {"unnamed", unnamed}, {"before", before}, {"release", release},
        {"elsewhere", elsewhere}, {"only in the run", only_in_the_run}, {"handed over", handed_over},
        {"no stderr", no_stderr}, {"no crash", no_crash}, {"reporter", reporter}, {"blocked", blocked},
        {"from a crash", from_a_crash}, {"sent while blocked", sent_while_blocked}, {"broken pipe", broken_pipe})
