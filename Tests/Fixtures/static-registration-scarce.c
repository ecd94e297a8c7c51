// SPDX-License-Identifier: Apache-2.0
// Registers 40 functions without a call, in a process that gets no memory: the 32 entries that the library keeps ready are
// not enough.

#include "fixture.h"

#include <sys/resource.h>

// Priority 101 is the first that a program may use, and comes before every registration.
__attribute__((constructor(101))) static void take_memory_away(void) {
  CHECK(setrlimit(RLIMIT_AS, &(struct rlimit){0, 0}) == 0);
}

static void flush(void) {
  say("ran\n");
}

#define FOUR                                                                                                           \
  CEXIT_AT_EXIT(flush);                                                                                                \
  CEXIT_AT_EXIT(flush);                                                                                                \
  CEXIT_AT_EXIT(flush);                                                                                                \
  CEXIT_AT_EXIT(flush);
FOUR FOUR FOUR FOUR FOUR FOUR FOUR FOUR FOUR FOUR

    int
    main(void) {
}
