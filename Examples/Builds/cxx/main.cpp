// SPDX-License-Identifier: Apache-2.0
// C++: lambdas with captures. What is built after the first registration is destroyed before the handlers run, unless a mark
// comes after it.

#include <CExitShim.hpp>

#include <iostream>
#include <string>

struct Log {
  ~Log() { std::cout << "the log is gone" << std::endl; }
  void write(const std::string &line) { std::cout << "log: " << line << std::endl; }
};

static Log &theLog() {
  static Log log;
  return log;
}

int main() {
  cexit_atexit([] { std::cout << "older than the log" << std::endl; });
  theLog();
  cexit_mark();
  std::string name = "db";
  cexit::at_exit([name] { theLog().write("closing " + name); });
}
