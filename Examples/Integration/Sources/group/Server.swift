// SPDX-License-Identifier: Apache-2.0
// A ServiceGroup takes SIGTERM and SIGINT to drain its service; then the body of exitAfter ends, and the handlers run.
// Usage: group none|before|after [hang]    where exitOnSignals() is called, and whether a handler hangs

import ExitKit
import Glibc
import Logging
import ServiceLifecycle

struct Listener: Service {
  let asksInside: Bool

  func run() async throws {
    if asksInside { try exitOnSignals() }
    print("ready")
    fflush(nil)
    try? await gracefulShutdown()
    print("drained")
  }
}

@main struct Server {
  static func main() async {
    await exitAfter {
      let words = CommandLine.arguments
      atExit(name: "oldest") { print("handler") }
      atExit(name: "asynchronous") {
        try await Task.sleep(for: .milliseconds(10))
        print("asynchronous handler")
      }
      if words.contains("hang") {
        atExit(name: "hangs") {
          print("hanging")
          fflush(nil)
          while true { sleep(1) }
        }
      }
      if words.contains("before") { try exitOnSignals() }
      let logger = Logger(label: "group", factory: { _ in SwiftLogNoOpLogHandler() })
      let group = ServiceGroup(
        services: [Listener(asksInside: words.contains("after"))],
        gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
      try await group.run()
      print("group over")
    }
  }
}
