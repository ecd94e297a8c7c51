// SPDX-License-Identifier: Apache-2.0
// Three handlers, and a return from main.

#include <CExitShim.h>

static void one(void) { puts("one"); }
static void two(void) { puts("two"); }
static void three(void) { puts("three"); }

int main(void) {
  cexit_atexit(one);
  cexit_atexit(two);
  cexit_atexit(three);
  return 3;
}
