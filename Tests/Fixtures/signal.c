// SPDX-License-Identifier: Apache-2.0
// Exit on a signal: the main thread, the signal's disposition and the exit in each state that matters.

#include "fixture.h"

#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

extern char **environ;

static void take_signals(void) {
  CHECK(cexit_exit_on_signals(NULL, 0) == 0);
}

static int rest(void) {
  while (pause() < 0) continue;
  return 97;
}

static void libcs(void) {
  say("libc's\n");
}

__attribute__((destructor)) static void destructor(void) {
  say("destructor\n");
}

static void say_status(int status, void *context) {
  (void)context;
  say("status %d\n", status);
}

static void say_reason(void *context) {
  (void)context;
  pid_t sender;
  int number = cexit_exit_signal(&sender);
  say("signal %d from %s\n", number, sender == getppid() ? "the parent" : sender == getpid() ? "itself" : "elsewhere");
}

static void hang(void *context) {
  (void)context;
  say("hanging\n");
  rest();
}

// ---- States of the main thread

static void in_a_loop(void) {
  for (volatile unsigned long i = 0;; i++) continue;
}

static void nothing_to_read(void) {
  int ends[2];
  CHECK(pipe(ends) == 0 && dup2(ends[0], STDIN_FILENO) == 0);
}

static void in_read(void) {
  char byte;
  nothing_to_read();
  while (read(STDIN_FILENO, &byte, 1) > 0) continue;
  say("read was interrupted\n");
}

static void in_stdio(void) { // getchar holds the lock of the stream while the thread waits
  nothing_to_read();
  getchar();
}

// A signal ends each of these calls. The program must not go on while the exit runs.
static void in_sleep(void) {
  sleep(1000);
  say("went on\n");
}

static void in_poll(void) {
  poll(NULL, 0, 1000000);
  say("went on\n");
}

static void in_select(void) {
  select(0, NULL, NULL, NULL, &(struct timeval){1000, 0});
  say("went on\n");
}

static int server; // the socket exists before the signal can arrive

static void listen_for_accept(void) {
  server = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){1000, 0}, sizeof(struct timeval)) == 0);
  CHECK(bind(server, &(struct sockaddr){.sa_family = AF_UNIX}, sizeof(sa_family_t)) == 0 && listen(server, 1) == 0);
}

static void in_accept(void) {
  CHECK(accept(server, NULL, NULL) < 0);
  say("went on\n");
}

static void behind_a_mask(void) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, NULL);
  rest();
}

static void in_join(void) {
  join(start((void *(*)(void *))(void (*)(void))in_a_loop, NULL));
}

static void gone(void) {
  start((void *(*)(void *))(void (*)(void))in_a_loop, NULL);
  pthread_exit(NULL);
}

static int orderly(int count, char **arguments) {
  static const struct {
    const char *name;
    void (*state)(void);
  } states[] = {{"loop", in_a_loop}, {"read", in_read},     {"stdio", in_stdio},   {"sleep", in_sleep},
                {"poll", in_poll},   {"select", in_select}, {"accept", in_accept}, {"mask", behind_a_mask},
                {"join", in_join},   {"gone", gone}};
  int number = count > 1 ? atoi(arguments[1]) : SIGTERM;
  CHECK(atexit(libcs) == 0);
  push(NULL, say_reason, NULL);
  CHECK(cexit_on_exit(say_status, NULL) == 0);
  CHECK(cexit_exit_on_signals(&number, 1) == 0);
  listen_for_accept();
  for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
    if (strcmp(arguments[0], states[i].name) != 0) continue;
    static char held[BUFSIZ];
    setvbuf(stdout, held, _IOFBF, sizeof held);
    printf("held back by stdio\n");
    say("ready\n");
    states[i].state();
  }
  return 97;
}

static void in_loop_until_the_end(void) {
  for (;;) sched_yield();
}

// ---- The signals themselves

static int refused(int count, char **arguments) {
  (void)count;
  (void)arguments;
  static const int bad[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGABRT, SIGCHLD, SIGCONT, SIGTSTP, 0, -1, 32, 65, 1000};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK(cexit_exit_on_signals((const int[]){SIGTERM, bad[i]}, 2) == EINVAL);
  }
  CHECK(cexit_exit_on_signals(NULL, 1) == EINVAL);
  CHECK(cexit_exit_on_signals(&(int){SIGTERM}, 0) == 0);
  struct sigaction now;
  CHECK(sigaction(SIGTERM, NULL, &now) == 0 && now.sa_handler == SIG_DFL);
  CHECK(cexit_exit_signal(NULL) == 0);
  push_name(NULL, "handler");
  raise(SIGTERM); // kills the process: the failed calls installed no handler
  return 97;
}

static int twice(int count, char **arguments) {
  (void)count;
  (void)arguments;
  take_signals();
  take_signals();
  CHECK(cexit_exit_on_signals((const int[]){SIGTERM, SIGUSR1}, 2) == 0);
  take_signals();
  push(NULL, say_reason, NULL);
  say("ready\n");
  return rest();
}

static int ignored(int count, char **arguments) {
  (void)count;
  (void)arguments;
  signal(SIGHUP, SIG_IGN);
  take_signals();
  push(NULL, say_reason, NULL);
  raise(SIGHUP);
  say("ready\n");
  return rest();
}

static void was_there(int number) {
  say("was there before: %d\n", number);
}

static int restored(int count, char **arguments) { // the program had a handler of SIGTERM; the process dies of SIGTERM
  (void)count;
  (void)arguments;
  signal(SIGTERM, was_there);
  CHECK(atexit(libcs) == 0);
  take_signals();
  push_name(NULL, "handler");
  say("ready\n");
  return rest();
}

static void drain(int number, siginfo_t *information, void *machine) {
  CHECK(machine != NULL);
  say("drains: %d from %s\n", number, information->si_pid == getpid() ? "itself" : "elsewhere");
}

static int drained(int count, char **arguments) { // a file of the program reads SIGTERM, until the file is closed
  (void)count;
  (void)arguments;
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  CHECK(sigaction(SIGTERM, &(struct sigaction){.sa_sigaction = drain, .sa_flags = SA_SIGINFO}, NULL) == 0);
  int file = signalfd(-1, &term, SFD_CLOEXEC);
  CHECK(file >= 0);
  take_signals();
  push_name(NULL, "handler");
  raise(SIGTERM);
  say("goes on\n");
  close(file);
  raise(SIGTERM);
  return rest();
}

static int second(int count, char **arguments) {
  (void)count;
  (void)arguments;
  CHECK(cexit_set_signal_patience((uint64_t)-1) == EINVAL && cexit_set_signal_patience(0) == 0);
  take_signals();
  push_name(NULL, "never");
  push(NULL, hang, NULL);
  say("ready\n");
  return rest();
}

static int ends[2];
static _Atomic bool seen;

static void let_main_see(void *context) {
  (void)context;
  CHECK(write(ends[1], "w", 1) == 1);
  while (!seen) sched_yield();
}

// Main blocks SIGTERM in a read, and lets the signal in while a handler runs. A second request would end the process.
static int masked(int count, char **arguments) {
  (void)count;
  (void)arguments;
  sigset_t term;
  char byte;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  CHECK(pipe(ends) == 0 && cexit_set_signal_patience(0) == 0);
  CHECK(cexit_exit_on_signals(&(int){SIGTERM}, 1) == 0);
  push_name(NULL, "handler");
  push(NULL, let_main_see, NULL);
  pthread_sigmask(SIG_BLOCK, &term, NULL);
  say("ready\n");
  CHECK(read(ends[0], &byte, 1) == 1);
  pthread_sigmask(SIG_UNBLOCK, &term, NULL);
  say("main sees the signal\n");
  seen = true;
  return rest();
}

static void raise_another(void *context) {
  (void)context;
  raise(SIGINT);
  say("goes on\n");
}

static int soon(int count, char **arguments) { // a second signal within half a second does not cut the exit short
  (void)count;
  (void)arguments;
  take_signals();
  push(NULL, raise_another, NULL);
  raise(SIGTERM);
  return rest();
}

static void take_over(int number) {
  say("taken over: %d\n", number);
}

static int taken_over(int count, char **arguments) { // the program replaces the signal's handler, and ignores SIGINT
  CHECK(count == 1);
  int number = atoi(arguments[0]);
  CHECK(cexit_exit_on_signals((const int[]){SIGINT, number}, 2) == 0);
  signal(number, take_over);
  signal(SIGINT, SIG_IGN);
  raise(number);
  push_name(NULL, "handler");
  push(NULL, raise_another, NULL);
  exit(3);
}

static int main_leaves(int count, char **arguments) { // main returns between the signal and the signal's exit
  (void)count;
  (void)arguments;
  take_signals();
  CHECK(cexit_on_exit(say_status, NULL) == 0);
  raise(SIGTERM);
  return 0;
}

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static void need_lock(void *context) {
  (void)context;
  pthread_mutex_lock(&held);
  say("has the lock\n");
}

static int request(int count, char **arguments) { // the requesting thread holds a lock that a handler needs
  bool signals = count > 0;
  (void)arguments;
  if (signals) take_signals();
  push(NULL, need_lock, NULL);
  pthread_mutex_lock(&held);
  CHECK(cexit_request_exit(5) == 0 && cexit_request_exit(6) == 0);
  say("requested\n");
  pthread_mutex_unlock(&held);
  in_loop_until_the_end();
  return 97;
}

static int late(int count, char **arguments) { // the first signal arrives when the process is exiting already
  (void)count;
  (void)arguments;
  take_signals();
  push(NULL, say_reason, NULL);
  push(NULL, say_reason, NULL);
  cexit_handler stopper;
  CHECK(cexit_register(
            NULL,
            &(cexit_entry){.function = (cexit_function)(void (*)(void))raise, .context = (void *)(intptr_t)SIGTERM},
            &stopper) == 0);
  exit(3);
}

static void leave_with_five(void *context) {
  (void)context;
  say("exit(5)\n");
  exit(5);
}

static int status_in_handler(int count, char **arguments) {
  (void)count;
  (void)arguments;
  CHECK(atexit(libcs) == 0);
  CHECK(cexit_on_exit(say_status, NULL) == 0);
  push(NULL, leave_with_five, NULL);
  take_signals();
  raise(SIGTERM);
  return rest();
}

#ifndef __GLIBC__ // musl has no fcloseall
static void fcloseall(void) {
  static bool closed;
  if (closed) return;
  closed = true;
  CHECK(fclose(stdin) == 0 && fclose(stdout) == 0 && fclose(stderr) == 0);
}
#endif

static int kept = -1; // musl's fcloseall closes the descriptors, too

static void close_all(void) {
  fcloseall();
  CHECK(dup2(kept, STDOUT_FILENO) == STDOUT_FILENO);
  say("closed\n");
}

static int closing(int count, char **arguments) { // the library must not take a fcloseall for the end of the exit
  (void)count;
  (void)arguments;
  kept = dup(STDOUT_FILENO);
  CHECK(atexit(libcs) == 0);
  CHECK(atexit(close_all) == 0);
  take_signals();
  fcloseall();
  push_name(NULL, "handler");
  CHECK(cexit_atexit(close_all) == 0);
  raise(SIGTERM);
  return rest();
}

static int broken_pipe(int count, char **arguments) {
  (void)count;
  (void)arguments;
  int ends[2];
  CHECK(pipe(ends) == 0 && close(ends[0]) == 0);
  CHECK(cexit_exit_on_signals(&(int){SIGPIPE}, 1) == 0);
  push_name(NULL, "handler");
  push(NULL, (void (*)(void *))(void (*)(void))raise, (void *)(intptr_t)SIGPIPE); // as a write to a broken pipe
  CHECK(write(ends[1], "x", 1) == -1 && errno == EPIPE);
  return rest();
}

static int quick(int count, char **arguments) {
  (void)count;
  (void)arguments;
  take_signals();
  CHECK(cexit_at_quick_exit(libcs) == 0);
  quick_exit(4);
}

static int registering(int count, char **arguments) { // the signal interrupts a loop of register and cancel
  (void)count;
  (void)arguments;
  take_signals();
  push(NULL, say_reason, NULL);
  say("ready\n");
  cexit_entry entry = {.function = say_name, .context = "never"};
  cexit_handler handler;
  for (;; cexit_cancel(handler)) {
    if (cexit_register(NULL, &entry, &handler) != 0) return rest();
  }
}

// ---- Children

static int child_of_fork(int count, char **arguments) { // <|asks|older>: the child asks; the program had a handler
  bool asks = count > 0 && strcmp(arguments[0], "asks") == 0, older = count > 0 && strcmp(arguments[0], "older") == 0;
  if (older) signal(SIGTERM, was_there);
  take_signals();
  push_name(NULL, "parent's");
  pid_t child = fork();
  if (child == 0) {
    CHECK(cexit_exit_signal(NULL) == 0);
    push_name(NULL, "child's");
    if (asks) take_signals();
    raise(SIGTERM);
    if (older) return 4;
    rest();
  }
  say_end(child);
  CHECK(!cexit_is_exiting() && cexit_exit_signal(NULL) == 0);
  return 0;
}

static int child_of_vfork(int count, char **arguments) {
  (void)count;
  (void)arguments;
  take_signals();
  push_name(NULL, "parent's");
  pid_t child = vfork();
  if (child == 0) {
    kill(getpid(), SIGTERM);
    rest();
  }
  say_end(child);
  struct sigaction now;
  CHECK(sigaction(SIGTERM, NULL, &now) == 0 && now.sa_handler != SIG_DFL);
  CHECK(!cexit_is_exiting() && cexit_exit_signal(NULL) == 0);
  return 0;
}

static void fork_here(void *context) { // a child made during a signal's exit is not exiting on the signal
  (void)context;
  pid_t child = fork();
  if (child == 0) {
    CHECK(cexit_exit_signal(NULL) == 0 && !cexit_is_exiting());
    exit(6);
  }
  say_end(child);
}

static int fork_in_handler(int count, char **arguments) {
  (void)count;
  (void)arguments;
  take_signals();
  push(NULL, fork_here, NULL);
  raise(SIGTERM);
  return rest();
}

static void start_program(void *context) { // a program that a handler starts has no blocked signals
  (void)context;
  char *words[] = {"sh", "-c", "kill -TERM $$; echo deaf", NULL};
  pid_t child;
  CHECK(posix_spawnp(&child, "sh", NULL, NULL, words, environ) == 0);
  say_end(child);
}

static int spawn_in_handler(int count, char **arguments) {
  (void)count;
  (void)arguments;
  take_signals();
  push(NULL, start_program, NULL);
  raise(SIGTERM);
  return rest();
}

// ---- The first process of a container

static int first_process(int count, char **arguments) {
  (void)count;
  (void)arguments;
  int ready[2];
  CHECK(pipe(ready) == 0);
  if (unshare(CLONE_NEWPID) != 0) {
    say("not permitted\n");
    return 0;
  }
  pid_t child = fork();
  if (child == 0) {
    CHECK(getpid() == 1);
    take_signals();
    push_name(NULL, "handler");
    CHECK(write(ready[1], "x", 1) == 1);
    rest();
  }
  char byte;
  CHECK(read(ready[0], &byte, 1) == 1);
  kill(child, SIGTERM);
  say_end(child);
  return 0;
}

FIXTURE({"orderly", orderly}, {"refused", refused}, {"twice", twice}, {"ignored", ignored}, {"restored", restored},
        {"drained", drained}, {"second", second}, {"soon", soon}, {"masked", masked}, {"taken over", taken_over},
        {"main leaves", main_leaves}, {"request", request}, {"late", late}, {"status", status_in_handler},
        {"closing", closing}, {"broken pipe", broken_pipe}, {"quick", quick}, {"registering", registering},
        {"fork", child_of_fork}, {"vfork", child_of_vfork}, {"fork in handler", fork_in_handler},
        {"spawn in handler", spawn_in_handler}, {"first process", first_process})
