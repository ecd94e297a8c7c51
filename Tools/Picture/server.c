// SPDX-License-Identifier: Apache-2.0
//
// The server whose exit is the picture of README.md: SIGTERM arrives, and one handler waits for a peer that never answers, until
// the deadline.

#include <CExitShim.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

static void work(void *context) {
  usleep((useconds_t)(uintptr_t)context);
}

static void wait_for_peer(void *context) {
  (void)context;
  for (;;) pause();
}

static void put(cexit_stack *stack, CExitPhase phase, const char *name, const char *file, uint32_t line,
                cexit_function function, uintptr_t milliseconds) {
  cexit_entry entry = {.function = function, .context = (void *)(milliseconds * 1000)};
  entry.name = name;
  entry.phase = phase;
  entry.file = file;
  entry.line = line;
  cexit_register(stack, &entry, NULL);
}

int main(void) {
  cexit_stack *sessions;
  put(NULL, CExitPhaseLate, "flush the log", "log.c", 31, work, 4);
  put(NULL, CExitPhaseLate, "send the metrics", "metrics.c", 88, wait_for_peer, 0);
  put(NULL, CExitPhaseNormal, "close the database", "store.c", 120, work, 38);
  put(NULL, CExitPhaseNormal, "commit the journal", "store.c", 94, work, 55);
  if (cexit_stack_nest(NULL, "sessions", &sessions) != 0) return 1;
  put(sessions, CExitPhaseNormal, "session 1", "session.c", 17, work, 12);
  put(sessions, CExitPhaseNormal, "session 2", "session.c", 17, work, 21);
  put(sessions, CExitPhaseNormal, "session 3", "session.c", 17, work, 9);
  put(NULL, CExitPhaseNormal, "remove the socket", "server.c", 52, work, 2);
  put(NULL, CExitPhaseEarly, "stop listening", "server.c", 47, work, 14);
  if (cexit_set_deadline(400000000) != 0 || cexit_exit_on_signals((int[]){SIGTERM}, 1) != 0) return 1;
  kill(getpid(), SIGTERM);
  for (;;) pause();
}
