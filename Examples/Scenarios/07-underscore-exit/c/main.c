// SPDX-License-Identifier: Apache-2.0
// _exit(2) runs no handlers: it is the way out for those who want none.

#include <CExitShim.h>

static void all_done(void) {
  puts("all_done()");
}

int main(void) {
  puts("Registering");
  if (cexit_atexit(all_done) != 0) return EXIT_FAILURE;
  puts("Registered");
  puts("Exiting...");
  fflush(stdout);
  _exit(0);
}
