// SPDX-License-Identifier: Apache-2.0
// Does nothing, with CExitFirst linked: `bench` compares this program with `nohandler`.

#include <CExitFirst.h>

int main(void) {
  return 0;
}
