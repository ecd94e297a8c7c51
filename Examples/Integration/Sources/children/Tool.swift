// SPDX-License-Identifier: Apache-2.0
// swift-subprocess: an asynchronous handler runs a child, and an early handler ends a child that is still at work.

import ExitKit
import Glibc
import Subprocess

@main struct Tool {
  static func main() async {
    await exitAfter {
      atExit(name: "report") {
        let result = try await run(.path("/bin/echo"), arguments: ["child in a handler"], output: .string(limit: 100))
        print(result.standardOutput, terminator: "")
      }
      _ = try await run(.path("/bin/sleep"), arguments: ["1000"], input: .none, output: .discarded, error: .discarded) {
        execution in
        let child = execution.processIdentifier.value
        atExit(name: "child", phase: .early) { print(kill(child, SIGTERM) == 0 ? "child told to end" : "no child") }
        // A door: plain exit would run the clean-up of swift-subprocess before these handlers.
        ExitStack.process.exit(5)
      }
    }
  }
}
