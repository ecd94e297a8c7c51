// SPDX-License-Identifier: Apache-2.0
//
// Exits at strange places, with CExitFirst and without.

import ProcessSupport
import Testing

@Suite(
  .disabled(if: isSanitized || isForeign, "a sanitizer stands in front of libc itself; CExitFirst is for this libc"))
struct StrangeExitTests {
  /// By a door, or by any way out with CExitFirst, the stack runs first.
  static let inFront = [("door", false), ("return", true), ("exit", true), ("thread", true), ("door", true)]
  static let plain = ["return", "exit", "thread"]

  func strange(_ arguments: [String], first: Bool, environment: [String: String] = [:]) throws -> Outcome {
    try run(
      compile("strange.cpp", first ? ExitFirstTests.build() : .plain), arguments, environment: environment)
  }

  @Test(needsCxx, arguments: inFront)
  func `exit in the destructor of a static, after the stack has run, leaves out nothing`(
    way: String, first: Bool
  ) throws {
    #expect(
      try strange(["static", way], first: first)
        == Outcome(
          .exited(8), lines: "handler", "newer static is destroyed", "static that exits is destroyed",
          "older static is destroyed", "libc's older"))
  }

  @Test(needsCxx, arguments: plain)
  func `exit in the destructor of a static, before the stack has run, leaves out nothing`(way: String) throws {
    #expect(
      try strange(["static", way], first: false)
        == Outcome(
          .exited(8), lines: "newer static is destroyed", "static that exits is destroyed",
          "older static is destroyed", "handler", "libc's older"))
  }

  @Test(needsCxx, arguments: inFront)
  func `exit in a handler of libc's, after the stack, goes on with older handlers`(
    way: String, first: Bool
  ) throws {
    #expect(
      try strange(["foreign", way], first: first)
        == Outcome(.exited(8), lines: "handler", "libc's newer", "libc's exits", "libc's older"))
  }

  @Test(needsCxx, arguments: plain)
  func `exit in a handler of libc's, before the stack has run, goes on with the stack`(way: String) throws {
    #expect(
      try strange(["foreign", way], first: false)
        == Outcome(.exited(8), lines: "libc's newer", "libc's exits", "handler", "libc's older"))
  }

  @Test(needsCxx, arguments: inFront.filter { $0.0 != "thread" })
  func `exit in a thread-local's destructor of the exiter, after the stack has run`(
    way: String, first: Bool
  ) throws {
    #expect(
      try strange(["thread-local", way], first: first)
        == Outcome(.exited(8), lines: "handler", "thread-local is destroyed", "libc's older"))
  }

  @Test(needsCxx, arguments: ["return", "exit"])
  func `exit in a thread-local's destructor of the exiter, before the stack has run`(way: String) throws {
    #expect(
      try strange(["thread-local", way], first: false)
        == Outcome(.exited(8), lines: "thread-local is destroyed", "handler", "libc's older"))
  }

  @Test(needsCxx, arguments: [false, true])
  func `exit in a thread-local's destructor, at the end of a thread, is an exit`(first: Bool) throws {
    #expect(
      try strange(["thread-end"], first: first)
        == Outcome(.exited(8), lines: "thread-local is destroyed", "handler", "libc's older"))
  }

  @Test(needsCxx, arguments: inFront)
  func `a child made in a handler of libc's runs its own handler and libc's older ones`(
    way: String, first: Bool
  ) throws {
    for child in ["exit", "door"] {
      #expect(
        try strange(["fork", way, child], first: first)
          == Outcome(.exited(3), lines: "handler", "child's", "libc's older", "child: 5", "libc's older"))
    }
    #expect(
      try strange(["fork", way, "_exit"], first: first)
        == Outcome(.exited(3), lines: "handler", "child: 5", "libc's older"))
  }

  @Test(needsCxx, arguments: plain)
  func `a child made in a handler of libc's leaves its parent's handlers alone`(way: String) throws {
    for child in ["exit", "door"] {
      #expect(
        try strange(["fork", way, child], first: false)
          == Outcome(.exited(3), lines: "child's", "libc's older", "child: 5", "handler", "libc's older"))
    }
  }

  @Test(needsCxx, arguments: [("return", 0), ("exit", 3), ("door", 3)], [false, true])
  func `main may end its thread: the exit is the other thread's, or comes with its end`(
    way: (String, Int32), first: Bool
  ) throws {
    #expect(
      try strange(["main-ends", way.0], first: first)
        == Outcome(.exited(way.1), lines: "main has ended", "handler", "libc's older"))
  }

  @Test(needsCxx, arguments: [false, true])
  func `a call of exit inside libc runs the stack in its place in libc's list`(
    first: Bool
  ) throws {
    #expect(
      try strange(["inside-libc"], first: first)
        == Outcome(
          .exited(3), output: "libc's newer\nhandler\nlibc's older\n", errors: "strange: an error\n"))
  }

  @Test(needsCxx, arguments: [("exit", false), ("door", false), ("exit", true), ("door", true)])
  func `exit in the constructor of a library, before main, runs what was registered`(way: String, first: Bool) throws {
    let early = try compile("early.c", .plugin)
    let order = way == "exit" && !first ? ["libc's", "handler"] : ["handler", "libc's"]
    #expect(
      try strange(["before-main"], first: first, environment: ["EARLY": way, "LD_PRELOAD": early])
        == ForeignOrderTests.lines(order, status: 8))
  }
}
