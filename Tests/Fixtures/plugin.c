// SPDX-License-Identifier: Apache-2.0
// A shared object that registers for itself.

#include "fixture.h"

extern void plugin_register(const char *name);

void plugin_register(const char *name) {
  push_name(NULL, name);
}
