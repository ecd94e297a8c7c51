// SPDX-License-Identifier: Apache-2.0
// A main without tasks.

import ExitKit
import Ways

@main struct Tool {
  static func main() {
    let name = CommandLine.arguments[0].isEmpty ? "" : "capture"
    atExit { say(name) }
    registerEveryKind()
    leave(Way.given())
  }
}
