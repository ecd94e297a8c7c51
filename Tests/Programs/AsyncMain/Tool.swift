// SPDX-License-Identifier: Apache-2.0
// An asynchronous main; with a second argument, while that many threads of the pool are held.

import ExitKit
import Ways

@main struct Tool {
  static func main() async {
    let name = CommandLine.arguments[0].isEmpty ? "" : "capture"
    atExit { say(name) }
    await registerEveryKindAndAnActors()
    if CommandLine.arguments.count > 2, let threads = Int(CommandLine.arguments[2]) { holdPool(threads: threads) }
    await leave(Way.given())
  }
}
