// SPDX-License-Identifier: Apache-2.0
// Handlers with an argument: the context of an entry. The newest runs first.

#include <CExitShim.h>

static void my_cleanup(void *name) {
  printf("my_cleanup(%s)\n", (const char *)name);
}

int main(void) {
  char *names[] = {"first", "second", "third"};
  for (int i = 0; i < 3; i++) {
    cexit_entry entry = {.function = my_cleanup, .context = names[i]};
    if (cexit_register(NULL, &entry, NULL) != 0) return EXIT_FAILURE;
  }
  return 0;
}
