// SPDX-License-Identifier: Apache-2.0
//
// A child runs what it registered. fork is told of by pthread_atfork; _Fork and a raw clone are not.

import ProcessSupport
import Testing

@Suite struct ForkTests {
  static let ways = ["fork", "_Fork", "clone"]

  @Test(arguments: ways) func `a child runs its own, and cannot touch its parent's`(way: String) throws {
    #expect(
      try fixture("fork", ["own", way])
        == Outcome(
          .exited(0),
          lines: "grandchild's", "child: 2", "child's", "child: 1", "parent's, by handle", "parent's"))
  }

  @Test(arguments: ways) func `a child that only leaves runs nothing`(way: String) throws {
    #expect(try fixture("fork", ["nothing", way]) == Outcome(.exited(0), lines: "child: 7", "parent's"))
  }

  @Test(arguments: ways) func `adopting makes everything the child's own, not its children's`(way: String) throws {
    #expect(
      try fixture("fork", ["adopt", way])
        == Outcome(
          .exited(0),
          lines: "child: 0", "child's", "module's", "parent's", "child: 1", "module's", "parent's"))
  }

  @Test(arguments: ways) func `a child made by a handler is not exiting, and runs its own`(way: String) throws {
    #expect(
      try fixture("fork", ["handler", way])
        == Outcome(
          .exited(3), lines: "child's", "child: 3", "parent's 2", "child's", "child: 1", "parent's 1"))
  }

  @Test(arguments: ways) func `a child made while another thread exits can leave`(way: String) throws {
    #expect(
      try fixture("fork", ["exiting", way])
        == Outcome(.exited(5), lines: "child's", "child: 1", "child: 2", "child: 4", "parent's"))
  }

  // The thread sanitizer itself does not survive the other ways with threads at work.
  @Test(arguments: isThreadSanitized ? ["fork"] : ways)
  func `a child made while threads register can do everything`(way: String) throws {
    #expect(try fixture("fork", ["load", way, rounds(100)]) == Outcome(.exited(0), lines: "done"))
  }

  @Test(arguments: ways) func `a child that unloads a plugin does not adopt what that had registered`(
    way: String
  ) throws {
    let plugin = try compile("plugin.c", .plugin)
    #expect(
      try fixture("fork", ["plugin", way, plugin])
        == Outcome(.exited(0), lines: "parent's", "child: 0", "plugin registered", "parent's"))
  }

  @Test(.disabled(if: isSanitized, "a sanitizer's own exit handlers run in the parent's memory"))
  func `exit in a child of vfork leaves its parent's handlers alone`() throws {
    #expect(
      try fixture("fork", ["vfork"])
        == Outcome(.exited(0), lines: "child: 7", "child: 8", "parent's, later", "parent's"))
  }
}
