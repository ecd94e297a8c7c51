// SPDX-License-Identifier: Apache-2.0
// Programs that exit with EXITKIT_TRACE, EXITKIT_SLOW or EXITKIT_DUMP in the environment.

#include "fixture.h"

#include <CExitBinding.h>
#include <CExitFinalizer.h>

#include <pty.h>
#include <sys/auxv.h>
#include <sys/time.h>

static void quiet(void *context) {
  (void)context;
}
static void plain(void) {
}

static cexit_handler add(cexit_stack *stack, const char *name, void (*function)(void *), CExitPhase phase) {
  cexit_handler handler;
  cexit_entry entry = {.function = function, .name = name, .phase = phase, .file = "App/main.c", .line = 12};
  CHECK(cexit_register(stack, &entry, &handler) == 0);
  return handler;
}

static void fail(void *context) {
  (void)context;
  cexit_trace_failure("\"disk\" is full\n");
}

static void exit_again(void *context) {
  (void)context;
  exit(7);
}

static int ways(int count, char **arguments) {
  (void)arguments;
  cexit_stack *outer, *inner;
  add(NULL, "log", quiet, CExitPhaseLate);
  add(NULL, "again", exit_again, CExitPhaseNormal);
  CHECK(cexit_stack_nest(NULL, "outer", &outer) == 0);
  add(outer, "oldest", quiet, CExitPhaseNormal);
  CHECK(cexit_stack_nest(outer, NULL, &inner) == 0);
  add(inner, "sch\xC3\xB6n \x1b[31m\xFF", fail, CExitPhaseNormal);
  CHECK(cexit_set_asleep(add(NULL, "object", quiet, CExitPhaseNormal), true));
  CHECK(cexit_atexit(plain) == 0);
  add(NULL, "listener", quiet, CExitPhaseEarly);
  if (count == 0) return 3;
  cexit_exit(3);
}

static void kill_this(void *context) {
  (void)context;
  kill(getpid(), SIGKILL);
  while (pause() < 0) continue;
}

static int killed(int count, char **arguments) {
  (void)count, (void)arguments;
  add(NULL, "never", quiet, CExitPhaseNormal);
  add(NULL, "deadly", kill_this, CExitPhaseNormal);
  add(NULL, "first", quiet, CExitPhaseNormal);
  return 0;
}

static void rest(void *context) {
  (void)context;
  while (pause() < 0) continue;
}

static int stuck(int count, char **arguments) {
  (void)count, (void)arguments;
  CHECK(cexit_set_deadline(100000000) == 0);
  add(NULL, "left", quiet, CExitPhaseLate);
  add(NULL, "stuck", rest, CExitPhaseNormal);
  return 4;
}

static int forks(int count, char **arguments) {
  (void)count, (void)arguments;
  add(NULL, "parent's", quiet, CExitPhaseNormal);
  CHECK(cexit_run(add(NULL, "by hand", quiet, CExitPhaseNormal)));
  pid_t child = fork();
  if (child == 0) {
    add(NULL, "child's", quiet, CExitPhaseNormal);
    exit(1);
  }
  say_end(child);
  return 2;
}

static int refused(int count, char **arguments) {
  (void)count, (void)arguments;
  cexit_stack *gone;
  cexit_entry entry = {.function = quiet, .name = "too late"};
  add(NULL, "one", quiet, CExitPhaseNormal);
  CHECK(cexit_stack_nest(NULL, "gone", &gone) == 0);
  CHECK(cexit_mark() == 0); // the mark sends the next registration down the slow path
  cexit_stack *child;
  CHECK(cexit_stack_nest(gone, "child", &child) == 0);
  cexit_stack_destroy(gone);
  CHECK(cexit_register(gone, &entry, NULL) == ECANCELED);
  return 0;
}

static void take_time(void *context) {
  (void)context;
  struct timespec left = {0, 60000000};
  while (nanosleep(&left, &left) != 0) continue;
}

static int slow(int count, char **arguments) {
  (void)count, (void)arguments;
  add(NULL, "quick", quiet, CExitPhaseNormal);
  add(NULL, "slow", take_time, CExitPhaseNormal);
  return 0;
}

static int dump(int count, char **arguments) {
  (void)count, (void)arguments;
  add(NULL, "pending", quiet, CExitPhaseNormal);
  raise(SIGUSR1);
  return 0;
}

static long memory_before;

// In KiB, without pages of files. The kernel's own highest value would count the process that made this one, too.
static long memory_now(void) {
  char text[128] = "";
  long resident, shared;
  int file = open("/proc/self/statm", O_RDONLY);
  CHECK(file >= 0 && read(file, text, sizeof text - 1) > 0 && close(file) == 0);
  CHECK(sscanf(text, "%*d %ld %ld", &resident, &shared) == 2);
  return (resident - shared) * (sysconf(_SC_PAGESIZE) / 1024);
}

static void keep_memory(void *context) {
  (void)context;
  memory_before = memory_now();
}

// 2 MiB may be one huge page of the stack's storage, at whose end a run writes first.
static void say_memory(void *context) {
  (void)context;
  say("%s\n", memory_now() - memory_before < 3072 ? "memory stays" : "memory grows");
}

static int many(int count, char **arguments) {
  int handlers = count > 0 ? atoi(arguments[0]) : 1000;
  add(NULL, "last", say_memory, CExitPhaseNormal);
  for (int i = 0; i < handlers; i++) add(NULL, "handler", quiet, CExitPhaseNormal);
  add(NULL, "first", keep_memory, CExitPhaseEarly);
  return 0;
}

static int many_nested(int count, char **arguments) { // more than a part of the table has rows for
  (void)count, (void)arguments;
  cexit_stack *outer;
  CHECK(cexit_stack_nest(NULL, "outer", &outer) == 0);
  for (int i = 0; i < 300; i++) add(outer, "handler", quiet, CExitPhaseNormal);
  cexit_trace_failure("no handler runs");
  return 0;
}

static _Atomic int told;

static void be_told(int number) {
  (void)number;
  told = 1;
}

static void wait_until_told(void *context) {
  (void)context;
  for (int i = 0; i < 600 && !told; i++) usleep(100000);
}

// A child exits on a terminal of its own, sixty columns wide. The parent prints the text that arrives at the terminal,
// and ends the child's handler after the third line.
static int terminal(int count, char **arguments) {
  (void)arguments;
  int master, lines = 0;
  struct winsize size = {.ws_row = 24, .ws_col = 60};
  pid_t child = forkpty(&master, NULL, NULL, &size);
  CHECK(child >= 0);
  if (child == 0) {
    signal(SIGUSR1, be_told);
    add(NULL, "\xE6\x9D\xB1\xE4\xBA\xAC\xE6\x9D\xB1\xE4\xBA\xAC\xE6\x9D\xB1\xE4\xBA\xAC",
        count == 0 ? wait_until_told : take_time, CExitPhaseNormal);
    exit(0);
  }
  char text[4096];
  for (ssize_t length; (length = read(master, text, sizeof text)) > 0;) {
    CHECK(write(STDOUT_FILENO, text, (size_t)length) == length);
    for (ssize_t i = 0; i < length; i++) lines += text[i] == '\r';
    if (lines >= 3) kill(child, SIGUSR1);
  }
  say_end(child);
  _exit(0);
}

static void *exit_too(void *unused) {
  (void)unused;
  exit(5);
}

// Waits until the trace shows that another thread waits for this exit.
static void make_another_wait(void *context) {
  (void)context;
  static char text[1 << 16];
  start(exit_too, NULL);
  for (int i = 0; i < 2000 && strstr(text, "\"another thread\"") == NULL; i++) {
    int file = open(getenv("EXITKIT_TRACE"), O_RDONLY);
    CHECK(file >= 0 && read(file, text, sizeof text - 1) > 0 && close(file) == 0);
    usleep(10000);
  }
}

static int waits(int count, char **arguments) {
  (void)count, (void)arguments;
  add(NULL, "busy", make_another_wait, CExitPhaseNormal);
  cexit_exit(6);
}

static int closing(int count, char **arguments) { // a daemon closes all descriptors, and opens files with their numbers
  CHECK(count == 1);
  add(NULL, "second", quiet, CExitPhaseNormal);
  CHECK(cexit_run(add(NULL, "first", quiet, CExitPhaseNormal)));
  for (int i = 3; i < 64; i++) close(i);
  for (int i = 3; i < 64; i++) CHECK(open(arguments[0], O_WRONLY | O_CREAT, 0666) == i);
  take_time(NULL);
  return 0;
}

// ---- Registrations

static void add_another(void *context) {
  (void)context;
  add(NULL, "another", quiet, CExitPhaseNormal);
}

static void *add_on_thread(void *unused) {
  add(NULL, "a thread's", quiet, CExitPhaseLate);
  return unused;
}

static int registrations(int count, char **arguments) {
  (void)count, (void)arguments;
  cexit_stack *stack;
  cexit_handler handler = add(NULL, "by handle", quiet, CExitPhaseNormal);
  add(NULL, "twin", quiet, CExitPhaseNormal);
  add(NULL, "twin", quiet, CExitPhaseNormal);
  CHECK(cexit_atexit(plain) == 0);
  CHECK(cexit_stack_nest(NULL, "nested", &stack) == 0);
  add(stack, "inner", quiet, CExitPhaseNormal);
  CHECK(cexit_cancel(handler) && !cexit_cancel(handler));
  CHECK(cexit_stack_cancel_named(NULL, "twin") == 2);
  CHECK(cexit_unregister(plain) == 1);
  CHECK(cexit_stack_clear(stack) == 1);
  add(NULL, "adder", add_another, CExitPhaseEarly);
  join(start(add_on_thread, NULL));
  return 0;
}

static void register_here(int number) {
  (void)number;
  cexit_handler handler;
  cexit_entry entry = {.function = quiet, .name = "a signal's"};
  int error = cexit_register(NULL, &entry, &handler);
  CHECK(error == EDEADLK || (error == 0 && cexit_cancel(handler)));
}

static void *register_much(void *unused) {
  for (int i = 0; i < 4000; i++) {
    cexit_handler handler = add(NULL, "much", quiet, CExitPhaseNormal);
    CHECK(i % 2 == 0 ? cexit_cancel(handler) : cexit_run(handler));
  }
  return unused;
}

static int interrupted(int count, char **arguments) {
  (void)count, (void)arguments;
  static const struct timeval often = {0, 200};
  signal(SIGALRM, register_here);
  add(NULL, "first", quiet, CExitPhaseNormal);
  CHECK(setitimer(ITIMER_REAL, &(struct itimerval){often, often}, NULL) == 0);
  pthread_t threads[3];
  for (int i = 0; i < 3; i++) threads[i] = start(register_much, NULL);
  for (int i = 0; i < 3; i++) join(threads[i]);
  CHECK(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL) == 0);
  return 0;
}

static _Atomic int stop;

static void *register_until_stopped(void *unused) {
  sigset_t alarm;
  if (unused != NULL) { // not the main thread
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    CHECK(pthread_sigmask(SIG_BLOCK, &alarm, NULL) == 0);
  }
  cexit_handler handler;
  cexit_entry entry = {.function = quiet, .name = "until stopped"};
  while (!stop) {
    if (cexit_register(NULL, &entry, &handler) == 0) cexit_cancel(handler);
  }
  return unused;
}

static pthread_t registering;

static void join_registering(void *unused) {
  (void)unused;
  stop = 1;
  join(registering);
}

static void exit_here(int number) {
  cexit_exit(number);
}

// A signal handler exits in the middle of an event, and the exit waits for a thread that has events to tell.
static int exits_within(int count, char **arguments) {
  (void)count, (void)arguments;
  signal(SIGALRM, exit_here);
  add(NULL, "join", join_registering, CExitPhaseNormal);
  registering = start(register_until_stopped, &stop);
  CHECK(setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0, 20000}}, NULL) == 0);
  for (;;) register_until_stopped(NULL);
}

static int churn(int count, char **arguments) { // prints the memory of the process
  CHECK(count == 1);
  for (int i = atoi(arguments[0]); i > 0; i--) CHECK(cexit_cancel(add(NULL, "handler", quiet, CExitPhaseNormal)));
  say("%ld\n", memory_now());
  return 0;
}

// A daemon closes all descriptors at once, and opens its files with their numbers.
static int closing_early(int count, char **arguments) {
  CHECK(count == 1);
  int lowest = dup(STDIN_FILENO);
  CHECK(lowest >= 0 && close(lowest) == 0);
  add(NULL, "first", quiet, CExitPhaseNormal);
  CHECK(dup(STDIN_FILENO) == lowest);
  for (int i = 3; i < 256; i++) close(i);
  for (int i = 3; i < 256; i++) CHECK(open(arguments[0], O_WRONLY | O_CREAT, 0666) == i);
  add(NULL, "second", quiet, CExitPhaseNormal);
  return 0;
}

static int privileged(int count, char **arguments) {
  (void)count, (void)arguments;
  struct sigaction now;
  add(NULL, "handler", quiet, CExitPhaseNormal);
  CHECK(sigaction(SIGUSR1, NULL, &now) == 0);
  say("privileged: %d, dumps: %d\n", getauxval(AT_SECURE) != 0, now.sa_handler != SIG_DFL);
  return 0;
}

static int names(int count, char **arguments) {
  for (int i = 0; i < count; i++) add(NULL, arguments[i], i % 2 == 0 ? quiet : fail, CExitPhaseNormal);
  return 0;
}

FIXTURE({"ways", ways}, {"killed", killed}, {"stuck", stuck}, {"forks", forks}, {"refused", refused}, {"slow", slow},
        {"dump", dump}, {"many", many}, {"many nested", many_nested}, {"terminal", terminal}, {"closing", closing},
        {"waits", waits}, {"registrations", registrations}, {"interrupted", interrupted},
        {"exits within", exits_within}, {"churn", churn}, {"closing early", closing_early}, {"privileged", privileged},
        {"names", names})
