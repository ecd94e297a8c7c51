// SPDX-License-Identifier: Apache-2.0
// What a program or a plugin does with its own copy of the core.

#ifndef COPY_H
#define COPY_H

#include "fixture.h"

struct copy {
  void (*add)(const char *name);
  size_t (*count)(void);
  int (*mark)(void);
  int (*nest)(void);
  size_t (*cancel)(const char *name);
  void (*add_question)(void); // a handler that says whether the process exits
  void (*churn)(void);        // registers and cancels
};

#endif
