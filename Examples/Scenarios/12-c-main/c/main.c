// SPDX-License-Identifier: Apache-2.0
// A C main that links a Swift library which registers closures; C handlers before, between and after.

#include <CExitShim.h>

void greeter_start(int number); // in the Swift library

static void say(void *what) {
  puts(what);
  fflush(stdout);
}

static void at_exit(const char *what) {
  cexit_register(NULL, &(cexit_entry){.function = say, .context = (void *)what}, NULL);
}

int main(void) {
  at_exit("C: first");
  greeter_start(1);
  at_exit("C: between");
  greeter_start(2);
  at_exit("C: last");
  return 0;
}
