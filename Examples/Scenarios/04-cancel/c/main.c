// SPDX-License-Identifier: Apache-2.0
// All entries of one function are cancelled at once.

#include <CExitShim.h>

static void my_cleanup(void) {
  puts("my_cleanup()");
}

int main(void) {
  for (int i = 0; i < 3; i++) {
    if (cexit_atexit(my_cleanup) != 0) return EXIT_FAILURE;
  }
  return cexit_unregister(my_cleanup) == 3 ? 0 : EXIT_FAILURE;
}
