// SPDX-License-Identifier: Apache-2.0
// A handler that throws is reported with its place, and the others run. With an argument the failure shows in the
// exit status, too.

import ExitKit

struct CleanupFailed: Error, CustomStringConvertible {
  var description: String
}

if CommandLine.arguments.contains("--fail") { ExitStack.process.statusOnFailure = 1 }
atExit { throw CleanupFailed(description: "Registered first") }
atExit { throw CleanupFailed(description: "Registered second") }
