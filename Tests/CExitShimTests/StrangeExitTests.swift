// SPDX-License-Identifier: Apache-2.0
//
// Exits at strange places, with CExitFirst and without.

import Glibc
import ProcessSupport
import Testing

@Suite(.disabled(if: isSanitized, "a sanitizer stands in front of libc itself"))
struct StrangeExitTests {
  /// By a door, or by any way out with CExitFirst, the stack runs first.
  static let inFront = [("door", false), ("return", true), ("exit", true), ("thread", true), ("door", true)]
  static let plain = ["return", "exit", "thread"]

  func strange(_ arguments: [String], first: Bool, environment: [String: String] = [:]) throws -> Outcome {
    try run(
      compile("strange-exit.cpp", first ? ExitFirstTests.build() : .plain), arguments, environment: environment)
  }

  @Test(needsCxxCompiler, arguments: inFront)
  func `exit in the destructor of a static, after the stack has run, leaves out nothing`(
    way: String, first: Bool
  ) throws {
    #expect(
      try strange(["static", way], first: first)
        == Outcome(
          .exited(8), lines: "handler", "newer static is destroyed", "static that exits is destroyed",
          "older static is destroyed", "libc's older"))
  }

  @Test(needsCxxCompiler, arguments: plain)
  func `exit in the destructor of a static, before the stack has run, leaves out nothing`(way: String) throws {
    #expect(
      try strange(["static", way], first: false)
        == Outcome(
          .exited(8), lines: "newer static is destroyed", "static that exits is destroyed",
          "older static is destroyed", "handler", "libc's older"))
  }

  @Test(needsCxxCompiler, arguments: inFront)
  func `exit in a handler of libc's, after the stack, goes on with older handlers`(
    way: String, first: Bool
  ) throws {
    #expect(
      try strange(["foreign", way], first: first)
        == Outcome(.exited(8), lines: "handler", "libc's newer", "libc's exits", "libc's older"))
  }

  @Test(needsCxxCompiler, arguments: plain)
  func `exit in a handler of libc's, before the stack has run, goes on with the stack`(way: String) throws {
    #expect(
      try strange(["foreign", way], first: false)
        == Outcome(.exited(8), lines: "libc's newer", "libc's exits", "handler", "libc's older"))
  }

  @Test(needsCxxCompiler, arguments: inFront.filter { $0.0 != "thread" })
  func `exit in a thread-local's destructor of the exiter, after the stack has run`(
    way: String, first: Bool
  ) throws {
    #expect(
      try strange(["thread-local", way], first: first)
        == Outcome(.exited(8), lines: "handler", "thread-local is destroyed", "libc's older"))
  }

  @Test(needsCxxCompiler, arguments: ["return", "exit"])
  func `exit in a thread-local's destructor of the exiter, before the stack has run`(way: String) throws {
    #expect(
      try strange(["thread-local", way], first: false)
        == Outcome(.exited(8), lines: "thread-local is destroyed", "handler", "libc's older"))
  }

  /// The thread's own way, and the way of its thread-local's destructor.
  @Test(needsCxxCompiler, arguments: ["end", "pthread_exit", "exit", "door"], ["exit", "door"])
  func `exit in a thread-local's destructor, on a thread that leaves by each way`(
    way: String, destructors: String
  ) throws {
    for first in [false, true] {
      let stackIsFirst = way == "door" || (way == "exit" && first)
      let lines = stackIsFirst ? ["handler", "thread-local is destroyed"] : ["thread-local is destroyed", "handler"]
      #expect(
        try strange(["thread-end", way, destructors], first: first)
          == ForeignOrderTests.lines(lines + ["libc's older"], status: 8), "first: \(first)")
    }
  }

  @Test(needsCxxCompiler, arguments: ForkTests.ways, inFront)
  func `a child made in libc's handler runs its own handler and libc's older handlers`(
    fork: String, way: (String, first: Bool)
  ) throws {
    for (child, status) in Self.children {
      try #require(
        strange(["fork", way.0, fork, child], first: way.first)
          == ForeignOrderTests.lines(["handler"] + Self.lines(child, status) + ["libc's older"], status: 3),
        "the child leaves by \(child)")
    }
  }

  @Test(needsCxxCompiler, arguments: ForkTests.ways, plain)
  func `a child made in a handler of libc's leaves its parent's handlers alone`(fork: String, way: String) throws {
    for (child, status) in Self.children {
      try #require(
        strange(["fork", way, fork, child], first: false)
          == ForeignOrderTests.lines(Self.lines(child, status) + ["handler", "libc's older"], status: 3),
        "the child leaves by \(child)")
    }
  }

  /// How the child leaves, and its status. A child that returns goes on in its parent's exit.
  static let children = [("exit", 5), ("door", 5), ("_exit", 5), ("return", 3)]

  /// What the child and its end print.
  static func lines(_ child: String, _ status: Int) -> [String] {
    (child == "_exit" ? [] : ["child's", "libc's older"]) + ["child: \(status)"]
  }

  @Test(
    needsCxxCompiler,
    arguments: [
      ("return", Ending.exited(0)), ("exit", .exited(3)), ("door", .exited(3)), ("signal", .signaled(SIGTERM)),
    ], [false, true])
  func `main may end its thread: the exit is the other thread's, or comes with its end`(
    way: (String, Ending), first: Bool
  ) throws {
    #expect(
      try strange(["main-ends", way.0], first: first)
        == Outcome(way.1, lines: "main has ended", "handler", "libc's older"))
  }

  @Test(needsCxxCompiler, arguments: [false, true])
  func `a call of exit inside libc runs the stack in its place in libc's list`(
    first: Bool
  ) throws {
    #expect(
      try strange(["inside-libc"], first: first)
        == Outcome(
          .exited(3), output: "libc's newer\nhandler\nlibc's older\n", errors: "strange-exit: an error\n"))
  }

  @Test(needsCxxCompiler, arguments: [("exit", false), ("door", false), ("exit", true), ("door", true)])
  func `exit in the constructor of a library, before main, runs registered handlers`(way: String, first: Bool) throws {
    let early = try compile("strange-exit-early.c", .plugin)
    let order = way == "exit" && !first ? ["libc's", "handler"] : ["handler", "libc's"]
    #expect(
      try strange(["before-main"], first: first, environment: ["EARLY": way, "LD_PRELOAD": early])
        == ForeignOrderTests.lines(order, status: 8))
  }
}
