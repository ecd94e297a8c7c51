// SPDX-License-Identifier: Apache-2.0
//
// Hangs in a handler of a nested stack, after the handler has written the dump of the process itself.

#include <CExitShim.h>
#include <unistd.h>

static void work(void *context) {
  (void)context;
}

static void plain(void) {
}

static void hang(void *context) {
  (void)context;
  cexit_dump(1);
  close(1);
  for (;;) pause();
}

static void put(cexit_stack *stack, cexit_function function, const char *name, CExitPhase phase) {
  cexit_entry entry = {.function = function, .name = name, .phase = phase, .file = "server.c", .line = 7};
  cexit_register(stack, &entry, NULL);
}

int main(void) {
  cexit_stack *nested, *other;
  cexit_atexit(plain);
  put(NULL, work, "close the database", CExitPhaseNormal);
  if (cexit_stack_nest(NULL, NULL, &other) != 0 || cexit_stack_nest(NULL, "plug-ins", &nested) != 0) return 1;
  put(other, work, NULL, CExitPhaseNormal);
  put(nested, work, "unload", CExitPhaseNormal);
  put(nested, hang, "flush\033[31m", CExitPhaseEarly);
  put(NULL, work, "remove the socket", CExitPhaseLate);
  for (int i = 0; i < 1000; i++) put(NULL, work, "one of a thousand", CExitPhaseLate);
  return 3;
}
