// SPDX-License-Identifier: Apache-2.0
// A process with one handler: how much longer does it live than `nohandler`?

#include <CExitShim.h>

static void nothing(void) {
}

int main(void) {
  return cexit_atexit(nothing);
}
