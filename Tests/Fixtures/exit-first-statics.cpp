// SPDX-License-Identifier: Apache-2.0
// Handlers that use C++ statics and thread-locals, built after the handlers were registered; a destructor that registers.

#include <CExitShim.h>

struct Speaker {
  const char *text;
  bool registers;
  ~Speaker() {
    if (registers) cexit_atexit([] { dprintf(STDOUT_FILENO, "registered in a destructor\n"); });
    dprintf(STDOUT_FILENO, "%s destroyed\n", text);
    text = "a destroyed object";
  }
};

static Speaker &of_a_function() {
  static Speaker speaker{"function's static", false};
  return speaker;
}
static thread_local Speaker of_the_thread{"thread-local", true};

static void handler() { dprintf(STDOUT_FILENO, "handler uses %s, %s\n", of_a_function().text, of_the_thread.text); }

int main() {
  cexit_atexit(handler);
  of_a_function();
  of_the_thread.registers = true;
  return 3;
}
