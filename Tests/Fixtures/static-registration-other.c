// SPDX-License-Identifier: Apache-2.0
// Registers without a call, as another file of the program, a member of an archive, a shared object or a plugin.

#include "fixture.h"

extern void referred(void);

void referred(void) {
}

static void third(void) {
  say("third\n");
}
CEXIT_AT_EXIT(third);

static void fourth(void) {
  say("fourth\n");
}
CEXIT_AT_EXIT(fourth);

__attribute__((destructor)) static void finalized(void) {
  say("finalized\n");
}
