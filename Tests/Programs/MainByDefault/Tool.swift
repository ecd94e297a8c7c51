// SPDX-License-Identifier: Apache-2.0
// Everything here is the main actor's, unless it says otherwise.

import ExitKit
import Ways

final class Session {
  private var isOpen = true

  func close() {
    isOpen = false
    say("session open: \(isOpen)")
  }
}

@main struct Tool {
  static func main() async {
    let session = Session()
    atExit(name: "session") { session.close() }
    await registerEveryKindAndAnActors()
    await leave(Way.given())
  }
}
