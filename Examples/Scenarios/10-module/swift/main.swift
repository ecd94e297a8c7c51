// SPDX-License-Identifier: Apache-2.0
//
// Scenario 10, and with --user-first 10b: what the program did before does not change the order of the module.

import ExitKit
import Module

final class UserObject {}
let object = UserObject()

if CommandLine.arguments.contains("--user-first") {
  finalize(object) { print("Cleaning up user object") }
}
Module.load()
