// SPDX-License-Identifier: Apache-2.0
//
// What leads from an object to its finalizers. The programs bring the few functions of a Swift runtime that the core calls.

import ProcessSupport
import Testing

@Suite struct TieTests {
  @Test func `the death of an object runs its pending finalizers and no other handler`() throws {
    #expect(try fixture("tie", ["random"]) == Outcome(.exited(0)))
  }

  @Test(.disabled(if: isSanitized, "measures the plain library"))
  func `memory of ties is given back with the memory of entries`() throws {
    #expect(try fixture("tie", ["burst"]) == Outcome(.exited(0)))
  }
}
