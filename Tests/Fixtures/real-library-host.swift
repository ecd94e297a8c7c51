// SPDX-License-Identifier: Apache-2.0
// Uses a library through a plugin (real-library.h), as its first and its last act, and leaves by an error.

import ExitKit
import Glibc

struct Failure: Error {}

guard let plugin = dlopen(CommandLine.arguments[1], RTLD_NOW | RTLD_GLOBAL) else {
  puts(dlerror())
  exit(99)
}

func call(_ name: String) {
  unsafeBitCast(dlsym(plugin, name), to: (@convention(c) () -> Void).self)()
}

atExit { call("library_use") }
exitAfter {
  call("library_begin")
  throw Failure()
}
