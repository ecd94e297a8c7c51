// SPDX-License-Identifier: Apache-2.0
// A FlyingFox server that drains in an asynchronous handler: a client whose request is under way gets its answer. The body of
// exitAfter ends with an error while the exit runs, since the server has been stopped. Prints its port.

import ExitKit
import FlyingFox
import FlyingSocks
import Foundation

@main struct Server {
  static func main() async {
    await exitAfter {
      atExit(name: "log", phase: .late) { print("log flushed") }
      let server = HTTPServer(address: try sockaddr_in.inet(ip4: "127.0.0.1", port: 0), logger: .disabled)
      atExit(name: "drain") {
        await server.stop(timeout: 1)  // on Linux FlyingFox waits as long, also without a connection
        print("drained")
      }
      await server.appendRoute("/slow") { _ in
        print("request under way")
        fflush(nil)
        try await Task.sleep(for: .milliseconds(300))
        return HTTPResponse(statusCode: .ok, body: Data("answer\n".utf8))
      }
      await server.appendRoute("/goodbye") { _ in
        print("goodbye heard")
        fflush(nil)
        return HTTPResponse(statusCode: .ok)
      }
      try exitOnSignals()
      async let end: Void = server.run()
      try await server.waitUntilListening()
      if case .ip4(_, let port)? = await server.listeningAddress { print("port \(port)") }
      fflush(nil)
      try await end
      throw CancellationError()
    }
  }
}
