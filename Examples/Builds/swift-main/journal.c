// SPDX-License-Identifier: Apache-2.0

#include "journal.h"
#include <CExitShim.h>

static void journal_close(void) {
  puts("C: closing the journal");
  fflush(stdout);
}

int journal_open(void) {
  return cexit_atexit(journal_close);
}
