// SPDX-License-Identifier: Apache-2.0
// A shared object whose constructor exits.

void constructor_exits(void); // the program's

__attribute__((constructor)) static void constructor(void) {
  constructor_exits();
}
