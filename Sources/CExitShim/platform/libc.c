// SPDX-License-Identifier: Apache-2.0
//
// How the libc of this process treats exit.

#include "platform.h"

#include <stdlib.h>
#include <string.h>

#ifdef __GLIBC__
#include <gnu/libc-version.h>

bool cexit__libc_refuses_late(void) {
  return true;
}

bool cexit__libc_exits_again(void) {
  return true;
}

bool cexit__libc_locks_exit(void) {
  const char *version = gnu_get_libc_version();
  return strncmp(version, "2.", 2) != 0 || strtol(version + 2, NULL, 10) >= 41;
}
#else
bool cexit__libc_refuses_late(void) {
  return false; // musl 1.2.6 does
}

bool cexit__libc_exits_again(void) {
  return false; // musl 1.2.6 traps
}

bool cexit__libc_locks_exit(void) {
  return true; // since musl 1.2.6
}
#endif
