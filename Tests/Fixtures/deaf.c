// SPDX-License-Identifier: Apache-2.0
// A process that signals do not end when it sends them itself, as with the first one of a container.

#include "fixture.h"

int raise(int number) {
  return number == 0;
}

int main(void) {
  CHECK(cexit_exit_on_signals(NULL, 0) == 0);
  push_name(NULL, "handler");
  kill(getpid(), SIGTERM);
  for (;;) pause();
}
