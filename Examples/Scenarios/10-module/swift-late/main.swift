// SPDX-License-Identifier: Apache-2.0
//
// Scenario 10c: as 10, and with --user-first as 10b, with a module that registers its own clean-up last.

import ExitKit
import LateModule

final class UserObject {}
let object = UserObject()

if CommandLine.arguments.contains("--user-first") {
  finalize(object) { print("Cleaning up user object") }
}
LateModule.load()
