// SPDX-License-Identifier: Apache-2.0
// With CExitOrder linked, C++ objects with static storage, libc's handlers and the stack's have one order. No marks.

#include <CExitShim.h>

#include <cstdlib>
#include <iostream>

struct Log {
  ~Log() { std::cout << "the log is gone" << std::endl; }
};

static void use_log() {
  static Log log;
}

int main() {
  cexit_atexit([] { std::cout << "stack: older than the log" << std::endl; });
  use_log();
  cexit_atexit([] { std::cout << "stack: may use the log" << std::endl; });
  std::atexit([] { std::cout << "libc: registered last but one" << std::endl; });
  cexit_atexit([] { std::cout << "stack: registered last" << std::endl; });
}
