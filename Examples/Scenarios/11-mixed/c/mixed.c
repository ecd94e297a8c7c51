// SPDX-License-Identifier: Apache-2.0
// The C half of the program: two entries with a context, and a plain function as for atexit(3).

#include "mixed.h"
#include <CExitShim.h>

static void say(void *what) {
  puts(what);
}

static void c3(void) {
  puts("c3");
}

void register_c1(void) {
  cexit_register(NULL, &(cexit_entry){.function = say, .context = "c1"}, NULL);
}

void register_c2(void) {
  cexit_register(NULL, &(cexit_entry){.function = say, .context = "c2"}, NULL);
}

void register_c3(void) {
  cexit_atexit(c3);
}
