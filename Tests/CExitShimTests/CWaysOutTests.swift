// SPDX-License-Identifier: Apache-2.0
//
// Every way out of a process, with the cause of the end as the parent sees the cause.

import ProcessSupport
import Testing

@Suite struct CWaysOutTests {
  @Test(arguments: ["return", "exit", "cexit_exit", "thread exits, main joins"])
  func `handlers run on`(way: String) throws {
    #expect(try fixture("c-ways-out", ["leave", way]) == Outcome(.exited(3), lines: way, "handler"))
  }

  @Test func `the end of the last thread is an exit with status 0`() throws {
    let way = "last thread ends"
    #expect(try fixture("c-ways-out", ["leave", way]) == Outcome(.exited(0), lines: way, "handler"))
  }

  @Test func `quick_exit runs its own handlers only`() throws {
    let way = "quick_exit"
    #expect(try fixture("c-ways-out", ["leave", way]) == Outcome(.exited(3), lines: way, "quick handler"))
  }

  @Test(
    .disabled(if: isSanitized, "a sanitizer answers some of these itself"),
    arguments: [
      ("_exit", Ending.exited(3)), ("exec", .exited(0)), ("thread ends", .exited(3)), ("abort", .signaled(6)),
      ("trap", .signaled(4)), ("signal", .signaled(15)), ("kill", .signaled(9)),
    ])
  func `nothing runs on`(way: String, ending: Ending) throws {
    #expect(try fixture("c-ways-out", ["leave", way]) == Outcome(ending, lines: way))
  }

  @Test(.disabled(if: isThreadSanitized, "the status is not known there"))
  func `the last exit wins, and each handler sees the status of the moment`() throws {
    #expect(
      try fixture("c-ways-out", ["status"])
        == Outcome(.exited(7), lines: "newest: 3", "exit 9", "between: 9", "exit 7", "oldest: 7"))
  }

  @Test func `_Exit in a handler sets the status and skips the rest`() throws {
    #expect(try fixture("c-ways-out", ["_Exit"]) == Outcome(.exited(4)))
  }

  @Test(
    .disabled(if: isThreadSanitized, "the status is not known there"),
    arguments: [
      (["0", "70"], 70), (["0", "70", "71"], 70), (["5", "70"], 5), (["0", "0"], 0), (["5", "0"], 5),
    ] as [([String], Int32)])
  func `a requested status replaces only 0, and skips no handler`(asked: [String], status: Int32) throws {
    #expect(
      try fixture("c-ways-out", ["request"] + asked) == Outcome(.exited(status), lines: "skips nobody: \(asked[0])"))
  }

  @Test(.disabled(if: isThreadSanitized, "the status is not known there"))
  func `a handler can ask whether the process is exiting, and how`() throws {
    #expect(try fixture("c-ways-out", ["asks"]) == Outcome(.exited(3)))
  }

  @Test(arguments: [[], ["0"], ["1"]] as [[String]])
  func `a file is gone after return, exit(0) and exit(1)`(status: [String]) throws {
    let path = try run("mktemp").output.split(separator: "\n")[0]
    #expect(try run("test", ["-f", String(path)]).ending == .exited(0))
    #expect(try fixture("c-ways-out", ["removes", String(path)] + status) == Outcome(.exited(status == ["1"] ? 1 : 0)))
    #expect(try run("test", ["-e", String(path)]).ending == .exited(1))
  }

  @Test func `errno keeps its value around handlers and after every call`() throws {
    #expect(try fixture("c-ways-out", ["errno"]) == Outcome(.exited(0)))
  }

  @Test func `a closed standard error breaks nothing`() throws {
    #expect(try fixture("c-ways-out", ["closed-stderr"]) == Outcome(.exited(0), lines: "ran"))
  }

  @Test func `a handler may start and join a thread`() throws {
    #expect(try fixture("c-ways-out", ["thread"]) == Outcome(.exited(0), lines: "24", "42"))
  }

  @Test func `late registrations run or are refused`() throws {
    let older = "in an older handler of libc's", destructor = "in a destructor"
    let flush = "in the flush: ECANCELED, not pending"
    let rest =
      switch (isMusl, libcHangsLate) {  // musl calls the flush of the fixture twice
      case (true, false): [older, "\(destructor): ECANCELED, not pending", flush, flush]
      // The last act runs both entries: the list must not be asked for more, since the list may be locked for ever.
      case (true, true): ["\(destructor): accepted, pending", destructor, older, flush, flush]
      default: [older, "\(destructor): accepted, pending", destructor, flush]
      }
    let lines = ["handler", "\(older): accepted, pending"] + rest
    #expect(try fixture("c-ways-out", ["late"]) == Outcome(.exited(0), output: lines.map { $0 + "\n" }.joined()))
  }
}
