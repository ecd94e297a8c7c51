// SPDX-License-Identifier: Apache-2.0
// A C program with a Swift static library in it. Swift shows functions to C with @c.

#include <CExitShim.h>

int cache_open(const char *name); // in Cache.swift

static void close_socket(void) {
  puts("C: closing the socket");
  fflush(stdout);
}

int main(void) {
  cexit_atexit(close_socket);
  return cache_open("index");
}
