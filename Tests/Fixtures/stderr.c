// SPDX-License-Identifier: Apache-2.0
// The library writes a line to a stderr that takes no line. The write must neither block nor kill the process.

#include "fixture.h"

#include <CExitBinding.h>

#include <sys/time.h>

static void break_stderr(const char *how) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  if (strcmp(how, "full") == 0) {
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    while (write(ends[1], how, 1) == 1) continue;
    fcntl(ends[1], F_SETFL, 0);
  }
  CHECK(dup2(ends[1], STDERR_FILENO) >= 0 && close(ends[1]) == 0);
  if (strcmp(how, "broken") == 0) close(ends[0]);
  if (strcmp(how, "closed") == 0) close(STDERR_FILENO);
}

static void nothing(void *context) {
  (void)context;
}

static void leave(int number) {
  (void)number;
  exit(9);
}

// The signal mostly arrives in the middle of a registration, so that the exit has to print that no handler ran.
static void exit_in_a_registration(int round) {
  signal(SIGALRM, leave);
  setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0, 1000 + round * 7 % 500}}, NULL);
  cexit_entry entry = {.function = nothing};
  for (cexit_handler handler;; cexit_cancel(handler)) cexit_register(NULL, &entry, &handler);
}

static int complaint(int count, char **arguments) {
  CHECK(count == 2);
  int rounds = atoi(arguments[1]);
  for (int round = 0; round < rounds; round++) {
    pid_t child = fork();
    if (child == 0) {
      break_stderr(arguments[0]);
      exit_in_a_registration(round);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 9);
  }
  say("each ended with its status\n");
  return 0;
}

static int broken_in_the_middle(int count, char **arguments) { // the library does not change the disposition of SIGPIPE
  (void)count;
  (void)arguments;
  break_stderr("broken");
  cexit_write_line("a line\n", 7);
  sigset_t pending;
  CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 0);
  raise(SIGPIPE);
  return 97;
}

static int commands(int count, char **arguments) { // no control sequence reaches the terminal, not even in pieces
  (void)count;
  (void)arguments;
  static char text[5000];
  memset(text, 'x', sizeof text);
  for (size_t i = 0; i < sizeof text - 8; i += 7) memcpy(text + i, "\33[2J\xC2\x9B\x7F", 7);
  text[sizeof text - 1] = '\n';
  cexit_write_line(text, sizeof text);
  cexit_write_line("\xC3\xA4 stays\n", 9);
  return 0;
}

FIXTURE({"complaint", complaint}, {"broken in the middle", broken_in_the_middle}, {"commands", commands})
