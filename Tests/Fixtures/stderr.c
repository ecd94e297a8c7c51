// SPDX-License-Identifier: Apache-2.0
// The library writes a line to a stderr that takes no line. The write must neither block nor kill the process.

#include "fixture.h"

#include <CExitBinding.h>

#include <sys/socket.h>

static void break_stderr(const char *how) { // <closed|broken|full> [socket]: else a pipe
  int ends[2];
  CHECK((strstr(how, "socket") != NULL ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends)) == 0);
  if (strncmp(how, "full", 4) == 0) {
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    while (write(ends[1], how, 1) == 1) continue;
    fcntl(ends[1], F_SETFL, 0);
  }
  CHECK(dup2(ends[1], STDERR_FILENO) >= 0 && close(ends[1]) == 0);
  if (strncmp(how, "broken", 6) == 0) close(ends[0]);
  if (strcmp(how, "closed") == 0) close(STDERR_FILENO);
}

static void fail(void *context) {
  (void)context;
  CHECK(cexit_fail("disk full") == 0);
}

static int complaint(int count, char **arguments) { // a handler fails, for which the library writes a line
  CHECK(count == 1);
  break_stderr(arguments[0]);
  push_name(NULL, "goes on");
  push(NULL, fail, NULL);
  return 9;
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
