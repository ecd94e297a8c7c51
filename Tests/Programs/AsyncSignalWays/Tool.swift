// SPDX-License-Identifier: Apache-2.0
// Programs with an asynchronous main; the first argument names the program to run.

import ExitKit
import Glibc

func say(_ line: String) {
  let line = line + "\n"
  _ = line.withCString { write(STDOUT_FILENO, $0, strlen($0)) }
}

@main struct Tool {
  @MainActor static var isAtWork = false

  @MainActor static func main() async throws {
    let log = "on the main actor"
    atExit { say(log) }
    atExit { await onMain() }
    try exitOnSignals()
    say("ready")
    switch CommandLine.arguments.last {
    case "suspended": try await Task.sleep(for: .seconds(1000))
    case "busy":
      atExit { @MainActor in
        await Task.yield()
        say(isAtWork ? "the main actor does two things at once" : "the main actor is idle")
      }
      try await Task.sleep(for: .milliseconds(1))  // after that a thread of the pool serves the main actor
      say("suspended")
      while true {
        isAtWork = true
        for _ in 0..<200_000 { _ = getppid() }  // some hundredths of a second
        isAtWork = false
        await Task.yield()
      }
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
