// SPDX-License-Identifier: Apache-2.0
// Objects as Swift lays them out, for what a copy of the core does with them.

#ifndef WATCHED_H
#define WATCHED_H

#include "CExitFinalizer.h"
#include "fixture.h"

typedef __attribute__((swiftcall)) void deinit(__attribute__((swift_context)) void *object);

struct class { // an object points to `kind`
  deinit *deinit;
  void *values;
  uintptr_t kind;
};

struct object {
  uintptr_t *metadata;
  size_t unowned;
  bool dying;
};

struct watcher { // of the program or a plugin
  struct class *class;
  bool (*finalize)(struct object *object, const char *name); // by this one's copy; whether that is prompt
};

#endif
