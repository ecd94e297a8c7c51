// SPDX-License-Identifier: Apache-2.0
// A command of ArgumentParser: leaves by return, by its own exit for errors, by ExitCode, and for a wrong option before
// a handler is registered.

import ArgumentParser
import ExitKit

struct DiskFull: Error {}

@main struct Tool: ParsableCommand {
  @Option var end = "return"

  mutating func run() throws {
    atExit { print("handler") }
    atExit {
      await Task.yield(); print("asynchronous handler")
    }
    switch end {
    case "code": throw ExitCode(4)
    case "code in exitAfter": exitAfter { throw ExitCode(4) }
    case "error": throw DiskFull()
    default: print("done")
    }
  }
}
