// SPDX-License-Identifier: Apache-2.0
// Programs whose main is asynchronous; the first argument names the one to run.

import ExitKit
import Glibc

func say(_ line: String) {
  let line = line + "\n"
  _ = line.withCString { write(STDOUT_FILENO, $0, strlen($0)) }
}

@main struct Tool {
  static func main() async throws {
    let log = "on the main actor"
    atExit { say(log) }
    atExit { await onMain() }
    try exitOnSignals()
    say("ready")
    switch CommandLine.arguments.last {
    case "suspended": try await Task.sleep(for: .seconds(1000))
    case "task":
      await Task.detached { while true { pause() } }.value
    default:
      while true { pause() }
    }
  }

  @MainActor static func onMain() async {
    await Task.yield()
    say("async, on the main actor")
  }
}
