// SPDX-License-Identifier: Apache-2.0
// C++: a captureless lambda is a C function, a capturing one goes on the heap and is deleted by `release`.
// What is built after the first registration is destroyed before the handlers run, unless a mark comes after it.

#include <CExitShim.h>

#include <functional>
#include <iostream>
#include <string>

static void atExit(std::function<void()> body) {
  cexit_entry entry = {};
  entry.function = [](void *context) { (*static_cast<std::function<void()> *>(context))(); };
  entry.release = [](void *context) { delete static_cast<std::function<void()> *>(context); };
  entry.context = new std::function<void()>(std::move(body));
  if (cexit_register(nullptr, &entry, nullptr) != 0) entry.release(entry.context);
}

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
  atExit([name] { theLog().write("closing " + name); });
}
