// SPDX-License-Identifier: Apache-2.0
// Links a library that registers, then loads a plugin that does; with a second argument, closes it.

import ExitKit
import Glibc
import Library

@AtExit func program() { print("program") }

use()
guard let plugin = dlopen(CommandLine.arguments[1], RTLD_NOW) else { exit(99) }
print("loaded")
if CommandLine.arguments.count > 2 {
  dlclose(plugin)
  print("closed", dlopen(CommandLine.arguments[1], RTLD_NOW | RTLD_NOLOAD) == nil)
}
