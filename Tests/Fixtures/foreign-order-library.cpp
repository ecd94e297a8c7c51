// SPDX-License-Identifier: Apache-2.0
// A library with an object that is built at its first use, and one that is built when it is loaded.

#include <unistd.h>

namespace {
struct Object {
  const char *line;
  int length;
  ~Object() {
    if (length != 0 && write(1, line, length) < 0) _exit(98);
  }
};
Object loaded = {"", 0};
} // namespace

extern "C" void use_object() {
  static Object object = {"the object\n", 11};
  loaded.length = object.length - object.length;
}
