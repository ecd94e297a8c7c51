// SPDX-License-Identifier: Apache-2.0
//
// Hangs in a handler of a nested stack, after the handler has written the dump of the process itself.
//   others     with a stack of its own and a handler of quick_exit, which the process's own dump leaves out
//   entering   as if the exiter were about to enter libc's exit, which a bit of the first word of the exit says

#include <CExitShim.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

extern _Atomic uintptr_t cexit__leaving; // the core is part of this program
static const char *way;

static void work(void *context) {
  (void)context;
}

static void plain(void) {
}

static void hang(void *context) {
  (void)context;
  cexit_dump(1);
  if (strcmp(way, "entering") == 0) cexit__leaving |= 2;
  close(1);
  for (;;) pause();
}

static void put(cexit_stack *stack, cexit_function function, const char *name, CExitPhase phase) {
  cexit_entry entry = {.function = function, .name = name, .phase = phase, .file = "server.c", .line = 7};
  cexit_register(stack, &entry, NULL);
}

int main(int count, char **arguments) {
  way = count > 1 ? arguments[1] : "";
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); // else Yama lets only a parent read this memory
  cexit_stack *nested, *other;
  cexit_atexit(plain);
  put(NULL, work, "close the database", CExitPhaseNormal);
  if (cexit_stack_nest(NULL, NULL, &other) != 0 || cexit_stack_nest(NULL, "plug-ins", &nested) != 0) return 1;
  put(other, work, NULL, CExitPhaseNormal);
  put(nested, work, "unload", CExitPhaseNormal);
  put(nested, hang, "flush\033[31m", CExitPhaseEarly);
  put(NULL, work, "remove the socket", CExitPhaseLate);
  for (int i = 0; i < 1000; i++) put(NULL, work, "one of a thousand", CExitPhaseLate);
  if (strcmp(way, "others") == 0) {
    cexit_stack *own;
    cexit_at_quick_exit(plain);
    if (cexit_stack_create("of a test", &own) != 0 || cexit_stack_nest(own, "inner", &nested) != 0) return 1;
    put(own, work, "upload", CExitPhaseNormal);
    put(nested, work, "flush", CExitPhaseLate);
  }
  return 3;
}
