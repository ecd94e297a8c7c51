// SPDX-License-Identifier: Apache-2.0

#include "spool.h"

int main(void) {
  return spool_open();
}
