// SPDX-License-Identifier: Apache-2.0
// AsyncHTTPClient: a handler sends a last request, and then the client is shut down, by the name of its function.
// Usage: fetch PORT exit|return|signal

import AsyncHTTPClient
import ExitKit
import Glibc

@main struct Client {
  static func main() async {
    await exitAfter {
      let client = HTTPClient(eventLoopGroupProvider: .singleton)
      let address = "http://127.0.0.1:\(CommandLine.arguments[1])"
      atExit(client.shutdown)
      atExit(name: "goodbye") {
        let answer = try await client.execute(HTTPClientRequest(url: "\(address)/goodbye"), timeout: .seconds(10))
        print("goodbye: \(answer.status.code)")
      }
      let answer = try await client.execute(HTTPClientRequest(url: "\(address)/slow"), timeout: .seconds(10))
      print("answer: \(try await answer.body.collect(upTo: 100).readableBytes) bytes")
      switch CommandLine.arguments[2] {
      case "exit": exit(3)
      case "signal":
        try exitOnSignals()
        kill(getpid(), SIGTERM)  // not raise: threads of Dispatch block signals
        try await Task.sleep(for: .seconds(60))
      default: break
      }
    }
  }
}
