// SPDX-License-Identifier: Apache-2.0
// A Hummingbird server that is drained on SIGTERM: a client whose request is under way gets its answer, and then the handlers
// run. Prints its port.

import ExitKit
import Glibc
import Hummingbird
import Logging

@main struct Server {
  static func main() async {
    await exitAfter {
      atExit(name: "log", phase: .late) { print("log flushed") }
      atExit(name: "database") { print("database closed") }
      let router = Router()
      router.get("slow") { _, _ -> String in
        print("request under way")
        fflush(nil)
        try await Task.sleep(for: .milliseconds(300))
        return "answer\n"
      }
      let app = Application(
        router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
        onServerRunning: { channel in
          print("port \(channel.localAddress?.port ?? 0)")
          fflush(nil)
        }, logger: Logger(label: "web", factory: { _ in SwiftLogNoOpLogHandler() }))
      try await app.runService(gracefulShutdownSignals: [.sigterm])
      print("drained")
    }
  }
}
