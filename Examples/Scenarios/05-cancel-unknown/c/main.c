// SPDX-License-Identifier: Apache-2.0
// Cancelling what was never registered is not an error.

#include <CExitShim.h>

static void never_registered(void) {
  puts("never_registered()");
}

int main(void) {
  return (int)cexit_unregister(never_registered);
}
