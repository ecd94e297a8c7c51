// SPDX-License-Identifier: Apache-2.0

import Glibc
import ProcessSupport
import Testing

@Suite struct LeavingTests {
  let program: String

  init() throws { program = try compile("leaving.c") }

  @Test(arguments: ["exit", "cexit_exit"])
  func `eight threads that exit at once run each of 64 handlers once`(how: String) throws {
    let outcome = try run(program, ["together", how, rounds(20)], deadline: 600)
    #expect(outcome == Outcome(.exited(0), output: "wrong: 0\n"))
  }

  @Test(.enabled(if: libcLosesHandlers, "this libc has mended it"))
  func `eight threads that exit at once lose handlers of plain libc`() throws {
    let outcome = try run(program, ["together", "plain", "20"])
    #expect(outcome.ending == .exited(0))
    #expect(outcome.output != "wrong: 0\n")
  }

  @Test func `eight threads that quick_exit at once run each handler once`() throws {
    #expect(try run(program, ["quick"]) == Outcome(.exited(5), output: "newest\nmiddle\noldest\n"))
  }

  @Test func `after a thread that ended in quick_exit, another thread leaves by quick_exit`() throws {
    let outcome = try run(program, ["quick ends"])
    #expect(outcome == Outcome(.exited(6), output: "handler\nends its thread\nlate handler\n"))
  }

  @Test func `a main thread that waits in exit is lent to one thread at a time`()
    throws
  {
    #expect(try run(program, ["woken"]) == Outcome(.exited(3), output: "lent twice: no\n"))
  }

  @Test func `a child of a main thread that waits in exit does not wait for its parent's exit`() throws {
    let outcome = try run(program, ["woken", "fork"])
    #expect(outcome == Outcome(.exited(3), output: "child's\nchild: 4\nlent twice: no\n"))
  }

  @Test(.disabled(if: isThreadSanitized, hides))
  func `a handler that joins a thread which waits in exit is named by the deadline`() throws {
    let outcome = try run(program, ["joins"])
    #expect(outcome.ending == .exited(3))
    #expect(outcome.errors.hasPrefix("ExitKit: exit handler \"joins\" is stuck after"))
  }

  @Test(.disabled(if: isThreadSanitized, hides), arguments: ["", "signals", "deadline", "both"])
  func `the last thread to end exits with status 0, the library's own not counted`(own: String) throws {
    let outcome = try run(program, ["last thread", own])
    #expect(outcome == Outcome(.exited(0), output: "last thread\nstatus 0\n"))
  }

  @Test(.disabled(if: isThreadSanitized, hides), arguments: ["signals", "deadline"])
  func `the last thread ends the process, also where main never called the library`(own: String) throws {
    let outcome = try run(program, ["worker asks", own])
    #expect(outcome == Outcome(.exited(0), output: "last thread\nstatus 0\n"))
  }

  @Test(.disabled(if: isThreadSanitized, hides)) func `exit in the destructor of a thread's data runs the handlers`()
    throws
  {
    let outcome = try run(program, ["destructor"])
    #expect(outcome == Outcome(.exited(6), output: "thread's destructor\nstatus 6\noldest\n"))
  }

  @Test func `a handler that ends its thread ends, and destroys no thread's data`() throws {
    let outcome = try run(program, ["destructor in exit"])
    #expect(outcome == Outcome(.exited(3), output: "ends its thread\noldest\n"))
  }

  @Test(needsCxx) func `exit in a C++ static's destructor goes on with older handlers and statics`() throws {
    let outcome = try run(compile("leaving-statics.cpp"))
    #expect(outcome == Outcome(.exited(8), output: "newer handler\nstatic\nolder handler\nolder static\n"))
  }

  @Test(.disabled(if: isSanitized, "a sanitizer's allocator can stay locked for ever in such a child"))
  func `a forked child of a process with threads may leave in any way, without exec`() throws {
    let many = Int(rounds(20))!
    let outcome = try run(program, ["forked", "\(many)"], deadline: 600)
    #expect(outcome.ending == .exited(0))
    #expect(outcome.output == String(repeating: "child's\n", count: many) + "parent's\n")
  }
}

let hides: Comment =
  "a thread sanitizer has a thread of its own, keeps signals back, and hides the status from handlers"
