// SPDX-License-Identifier: Apache-2.0
//
// Nested stacks at exit: no way of leaving one loses what is left in it.

import ProcessSupport
import Testing

@Suite struct NestedExitTests {
  @Test(.disabled(if: isThreadSanitized, "the status is not known there"))
  func `exit in a handler of a nested stack goes on with the rest of that stack`() throws {
    #expect(
      try fixture("nested-exit", ["exit"])
        == Outcome(
          .exited(5),
          lines: "main 2", "inner 2 exits", "inner 1", "module 3", "module 2 exits", "module 1: 5", "main 1"))
  }

  @Test func `more handlers may exit than libc has slots of ours`() throws {
    let lines = (1...10).reversed().map { "\($0) exits\n" }.joined()
    #expect(try fixture("nested-exit", ["every"]) == Outcome(.exited(5), output: lines + "main\n"))
  }

  @Test(.disabled(if: isThreadSanitized, "the status is not known there"))
  func `a thread that exits in the middle of a standalone stack finishes that first`() throws {
    #expect(
      try fixture("nested-exit", ["standalone"])
        == Outcome(.exited(5), lines: "own 3", "own 2 exits", "own 1: 5", "main: 5"))
  }

  @Test func `a handler of a nested stack that ends its thread leaves nothing out`() throws {
    #expect(
      try fixture("nested-exit", ["thread"])
        == Outcome(
          .exited(4), lines: "main 2", "module 3", "module 2 ends its thread", "module 1", "main 1"))
  }

  @Test func `a nested stack that has run is placed on top by a registration on the stack`() throws {
    #expect(
      try fixture("nested-exit", ["anew"])
        == Outcome(.exited(0), lines: "adds", "main 3", "added", "module", "main 2", "main 1"))
  }

  @Test func `a stack that its maker released lives on for its nested stacks`() throws {
    #expect(try fixture("nested-exit", ["parent"]) == Outcome(.exited(0), lines: "inner 1", "inner 2", "main"))
  }

  @Test func `a child runs an inherited entry, however deep the entry is nested`() throws {
    #expect(
      try fixture("nested-exit", ["inherited"])
        == Outcome(
          .exited(0),
          lines: "inherited and moved", "inherited", "child: 1", "inherited and moved", "parent's 2", "inherited",
          "parent's 1"))
  }
}
