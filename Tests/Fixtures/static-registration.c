// SPDX-License-Identifier: Apache-2.0
// Registers without a call; also as C++. With an argument, loads that plugin and closes it again.

#include "fixture.h"

static void first(void) {
  say("first\n");
}
CEXIT_AT_EXIT(first);

static void second(void) {
  say("second\n");
}
CEXIT_AT_EXIT(second);

#ifdef REFERS
#ifdef __cplusplus
extern "C"
#endif
void referred(void);
#endif

int main(int argc, char **argv) {
#ifdef REFERS
  referred();
#endif
#ifdef UNREGISTERS
  say("unregistered %zu\n", cexit_unregister(second));
#endif
  say("main\n");
  if (argc == 1) return 0;
  void *plugin = dlopen(argv[1], RTLD_NOW);
  CHECK(plugin != NULL);
  say("loaded\n");
  CHECK(dlclose(plugin) == 0);
  say("closed\n");
  return 0;
}
