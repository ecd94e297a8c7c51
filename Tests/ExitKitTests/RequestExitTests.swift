// SPDX-License-Identifier: Apache-2.0

import ExitKit
import Testing

@Suite struct RequestExitTests {
  private actor Client {
    var isOpen = true

    /// Asks for the exit while this actor is held: `exit` would wait for a handler that waits for the actor.
    func leave() throws {
      atExit { self.close() }
      try ExitStack.process.requestExit(3)
    }

    func close() { isOpen = false }
  }

  @Test func `an exit that is requested on an actor runs a handler that needs the actor`() async {
    await #expect(processExitsWith: .exitCode(3)) {
      try await Client().leave()
      while true { try await Task.sleep(for: .seconds(60)) }
    }
  }
}
