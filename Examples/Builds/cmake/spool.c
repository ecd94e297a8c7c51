// SPDX-License-Identifier: Apache-2.0

#include "spool.h"
#include <CExitShim.h>

static void spool_close(void) {
  puts("C: emptying the spool");
  fflush(stdout);
}

int spool_open(void) {
  return cexit_atexit(spool_close);
}
