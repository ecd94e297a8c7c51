// SPDX-License-Identifier: Apache-2.0
// A handler runs when main returns.

#include <CExitShim.h>

static void all_done(void) {
  puts("all_done()");
}

int main(void) {
  puts("Registering");
  if (cexit_atexit(all_done) != 0) return EXIT_FAILURE;
  puts("Registered");
  return 0;
}
