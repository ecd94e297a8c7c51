// SPDX-License-Identifier: Apache-2.0
//
// A program of C alone, whose exit a test looks at with every subcommand of exitkit.
//   plain     returns from main with status 3
//   changed   the same, with another handler in the place of one of these
//   signal    dies of SIGTERM
//   stuck     a handler hangs until the deadline
//   killed    a handler hangs for 0.6 s, and then a signal kills the process
//   ended     the same, and then a call of _exit ends the process with status 9
//   again     a handler exits again, with status 7
//   waits     another thread exits, and waits for this exit

#include <CExitFinalizer.h>
#include <CExitShim.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void work(void *context) {
  (void)context;
  usleep(1000);
}

static void fail(void *context) {
  (void)context;
  cexit_fail("disk full");
}

static void hang(void *context) {
  (void)context;
  for (;;) pause();
}

static void hang_and_die(void *context) {
  usleep(600000);
  if (strcmp(context, "killed") == 0) kill(getpid(), SIGKILL);
  _exit(9);
}

static void exit_again(void *context) {
  (void)context;
  exit(7);
}

static void *exit_too(void *unused) {
  (void)unused;
  exit(5);
}

// Waits until the trace has the other thread's wait.
static void make_another_wait(void *context) {
  (void)context;
  static char text[1 << 16];
  pthread_t thread;
  if (pthread_create(&thread, NULL, exit_too, NULL) != 0) return;
  while (strstr(text, "\"another thread\"") == NULL) {
    int file = open(getenv("EXITKIT_TRACE"), O_RDONLY);
    if (file < 0 || read(file, text, sizeof text - 1) < 0) return;
    close(file);
    usleep(1000);
  }
}

static cexit_handler put(cexit_stack *stack, cexit_function function, const char *name, CExitPhase phase) {
  cexit_handler handler = {0};
  cexit_entry entry = {.function = function, .name = name, .phase = phase, .file = "server.c", .line = 7};
  cexit_register(stack, &entry, &handler);
  return handler;
}

int main(int count, char **arguments) {
  const char *way = count > 1 ? arguments[1] : "plain";
  cexit_stack *sessions;
  put(NULL, work, "flush the log", CExitPhaseLate);
  if (cexit_stack_nest(NULL, "sessions", &sessions) != 0) return 1;
  put(sessions, work, "session 1", CExitPhaseNormal);
  put(sessions, work, strcmp(way, "changed") == 0 ? "session 3" : "session 2", CExitPhaseNormal);
  cexit_set_asleep(put(NULL, work, "cache", CExitPhaseNormal), true);
  put(NULL, fail, "close the database", CExitPhaseNormal);
  if (strcmp(way, "again") == 0) put(NULL, exit_again, "exit again", CExitPhaseNormal);
  if (strcmp(way, "waits") == 0) put(NULL, make_another_wait, "join", CExitPhaseNormal);
  if (strcmp(way, "stuck") == 0) {
    put(sessions, hang, "session 4", CExitPhaseNormal);
    if (cexit_set_deadline(200000000) != 0) return 1;
  }
  if (strcmp(way, "killed") == 0 || strcmp(way, "ended") == 0) {
    cexit_entry entry = {.function = hang_and_die, .context = arguments[1], .name = "session 4"};
    cexit_register(sessions, &entry, NULL);
  }
  put(NULL, work, "stop listening", CExitPhaseEarly);
  if (strcmp(way, "signal") == 0) {
    if (cexit_exit_on_signals((int[]){SIGTERM}, 1) != 0) return 1;
    kill(getpid(), SIGTERM);
    for (;;) pause();
  }
  return 3;
}
