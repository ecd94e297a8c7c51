// SPDX-License-Identifier: Apache-2.0

import ProcessSupport
import Testing

@Suite struct WaysOutTests {
  @Test func `handlers run newest first on return from main`() throws {
    let outcome = try run(compile("return.c"))
    #expect(outcome == Outcome(.exited(3), output: "three\ntwo\none\n"))
  }
}
