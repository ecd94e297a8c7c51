// SPDX-License-Identifier: Apache-2.0
// A child killed by SIGTERM runs no handler, unless the child asked for signals; the child dies of SIGTERM either way.

#define _POSIX_C_SOURCE 200809L
#include <CExitShim.h>
#include <sys/wait.h>

static void handler(void) {
  puts("CHILD: atexit handler");
}

static void child(bool takes_signals, int ready) {
  if (takes_signals) cexit_exit_on_signals((int[]){SIGTERM}, 1);
  puts("CHILD: Registering atexit handler");
  cexit_atexit(handler);
  puts("CHILD: Pausing to wait for signal");
  fflush(stdout);
  close(ready);
  for (;;) pause();
}

int main(int argc, char **argv) {
  bool takes_signals = argc > 1 && strcmp(argv[1], "--take-signals") == 0;
  int ready[2], status;
  char byte;
  if (pipe(ready) != 0) return EXIT_FAILURE;
  pid_t pid = fork();
  if (pid < 0) return EXIT_FAILURE;
  if (pid == 0) child(takes_signals, ready[1]);
  close(ready[1]);
  if (read(ready[0], &byte, 1) != 0) return EXIT_FAILURE; // the end of the pipe: the child is ready
  puts("PARENT: Signaling child");
  fflush(stdout);
  kill(pid, SIGTERM);
  waitpid(pid, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM ? 0 : EXIT_FAILURE;
}
