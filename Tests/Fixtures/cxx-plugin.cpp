// SPDX-License-Identifier: Apache-2.0
//
// Built twice, for a program that closes the first. Both register a callable of the same type: the library's code for that
// type must not be shared between the two, or the first stays loaded.

#include <CExitShim.hpp>

struct Farewell {
  const char *name;
  __attribute__((always_inline)) void operator()() const { std::printf("%s says goodbye\n", name); }
};

extern "C" __attribute__((visibility("default"))) void enter(const char *name) { cexit::at_exit(Farewell{name}); }
