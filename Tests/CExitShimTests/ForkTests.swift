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

  /// The fixture's own madvise gives this answer, and does nothing.
  static func unwiped(_ answer: Int) -> CBuild { .plain.with { $0.programFlags = ["-DUNWIPED=\(answer)"] } }

  // A kernel that is too old refuses the advice to wipe a page, and qemu accepts each advice.
  @Test(.disabled(if: isSanitized, "a sanitizer gives advice of its own"), arguments: ways, [-1, 0])
  func `where the system wipes no page, each child runs its own, all the same`(way: String, answer: Int) throws {
    #expect(
      try fixture("fork", ["own", way], Self.unwiped(answer))
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

  @Test(arguments: ways) func `a child made while another thread exits can leave by a door`(way: String) throws {
    try expectToLeave(way, by: "door")
  }

  @Test(arguments: ways) func `a child made while another thread exits can leave by plain exit`(way: String) throws {
    try expectToLeave(way, by: "exit")
  }

  private func expectToLeave(_ way: String, by door: String) throws {
    #expect(
      try fixture("fork", ["exiting", way, door])
        == Outcome(.exited(5), lines: "child's", "child: 1", "child: 2", "parent's"))
  }

  // The thread sanitizer itself does not survive the other ways with threads at work.
  @Test(arguments: isThreadSanitized ? ["fork"] : ways)
  func `a child made while threads register can do everything`(way: String) throws {
    #expect(try fixture("fork", ["load", way, rounds(100)]) == Outcome(.exited(0), lines: "done"))
  }

  @Test(unloads, arguments: ways) func `a child that unloads a plugin does not adopt the plugin's entries`(
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

  @Test(.disabled(if: isThreadSanitized, hides))
  func `a child with its parent's process id does not swallow signals`() throws {
    #expect(
      try fixture("fork-identity", ["namespace"]) == Outcome(.exited(0), lines: "SIGTERM ends the child: 143"))
  }

  // Where both threads make the child a process of its own, 3 of 1,000 children are wrong: 2,000 fail in 95 of 100 runs.
  @Test(.disabled(if: isSanitized, "a sanitizer does not survive a child with threads that it was not told of"))
  func `of two threads with the first calls in an untold child one repairs the child`() throws {
    #expect(try fixture("fork-identity", ["two", rounds(2000)]) == Outcome(.exited(0), lines: "wrong: 0", "parent's"))
  }

  // Where the second thread does not look again, 1 of 8 children is wrong.
  @Test(.disabled(if: isSanitized, "a sanitizer does not survive a child with threads that it was not told of"))
  func `one thread repairs an untold child, also where the system wipes no page`() throws {
    #expect(
      try fixture("fork-identity", ["two", rounds(80)], Self.unwiped(-1))
        == Outcome(.exited(0), lines: "wrong: 0", "parent's"))
  }

  @Test func `fork handlers of the program may make every call`() throws {
    let outcome = try fixture("fork-identity", ["handlers"])
    #expect(outcome.ending == .exited(0))
    let lines = outcome.output.split(separator: "\n")  // the parent's line comes before, between or after the child's
    #expect(
      lines.filter { $0 != "parent: cancelled 1" } == [
        "prepare: pending 1", "child: registered 0", "child's", "child: 7",
      ])
    #expect(lines.contains("parent: cancelled 1"))
  }

  // With the library's locks taken first the process hangs in the first few of these forks, each time.
  @Test func `a fork locks the library after the locks of libraries that register`() throws {
    #expect(try fixture("fork-identity", ["order", rounds(300)]) == Outcome(.exited(0), lines: "forked"))
  }

  @Test func `destroyed inherited handlers do not come back by adopting`() throws {
    #expect(
      try fixture("fork-identity", ["destroys"])
        == Outcome(.exited(0), lines: "count 1", "fresh", "ran 1", "child: 0"))
  }

  @Test func `a limit in a child does not bring its parent's deadline back`() throws {
    #expect(try fixture("fork-identity", ["limit"]) == Outcome(.exited(0), lines: "deadline 0", "child: 7"))
  }
}
