// SPDX-License-Identifier: Apache-2.0
// exit(3) runs them all.

#include <CExitShim.h>

static void all_done(void) {
  puts("all_done()");
}

int main(void) {
  puts("Registering");
  if (cexit_atexit(all_done) != 0) return EXIT_FAILURE;
  puts("Registered");
  puts("Exiting...");
  exit(0);
}
