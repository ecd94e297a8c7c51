// SPDX-License-Identifier: Apache-2.0
// A C++ static whose destructor exits, between two handlers and above another static.

#include <CExitShim.h>

struct Speaker {
  const char *text;
  int status;
  ~Speaker() {
    dprintf(STDOUT_FILENO, "%s\n", text);
    if (status != 0) exit(status);
  }
};

static void older() {
  dprintf(STDOUT_FILENO, "older handler\n");
}
static void newer() {
  dprintf(STDOUT_FILENO, "newer handler\n");
}

int main() {
  static Speaker olderStatic{"older static", 0};
  cexit_atexit(older);
  static Speaker leaving{"static", 8};
  cexit_mark();
  cexit_atexit(newer);
  return 3;
}
