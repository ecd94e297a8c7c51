// SPDX-License-Identifier: Apache-2.0
// A part of a Swift runtime that answers otherwise than the one that finalizers were tried with.

#include <stddef.h>

__attribute__((visibility("default"))) size_t swift_unownedRetainCount(void *object) {
  (void)object;
  return 1;
}
