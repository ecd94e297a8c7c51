// SPDX-License-Identifier: Apache-2.0
//
// Settings of the Swift layer that hold for all copies of that layer: the leader keeps them. Any thread writes them.

#include "swift.h"

static _Atomic uint64_t main_grace = 1000000000u; // nanoseconds

void cexit__set_main_grace(uint64_t nanoseconds) {
  atomic_store(&main_grace, nanoseconds);
}

uint64_t cexit__main_grace(void) {
  return atomic_load(&main_grace);
}
