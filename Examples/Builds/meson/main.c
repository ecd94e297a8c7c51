// SPDX-License-Identifier: Apache-2.0
// Two modules, each a stack of its own at its place, and an exit from deep inside.

#include <CExitShim.h>

static void say(void *what) {
  puts(what);
}

static void module(const char *name, char *first, char *second) {
  cexit_stack *stack;
  if (cexit_stack_nest(NULL, name, &stack) != 0) return;
  cexit_register(stack, &(cexit_entry){.function = say, .context = first}, NULL);
  cexit_register(stack, &(cexit_entry){.function = say, .context = second}, NULL);
}

int main(void) {
  module("network", "network: close the socket", "network: say goodbye");
  module("screen", "screen: restore the terminal", "screen: show the cursor");
  cexit_exit(2);
}
