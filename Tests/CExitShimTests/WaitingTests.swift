// SPDX-License-Identifier: Apache-2.0

import Glibc
import ProcessSupport
import Testing

/// An exit that waits for a long time says what for: once, where no deadline will. No thread is made for the line.
@Suite struct WaitingTests {
  static let line = "ExitKit: still waiting for "
  static let remedy = "; a deadline ends such an exit"

  func waiting(_ part: String, _ arguments: String...) throws -> Outcome {
    try run(compile("waiting.c"), [part] + arguments, deadline: isSanitized ? 300 : 60)
  }

  @Test func `threads that wait at the gate name the handler that the exit is at, once`() throws {
    #expect(
      try waiting("at gate")
        == Outcome(
          .exited(5), output: "\(Self.line)exit handler \"join\" (app.c:7)\(Self.remedy)\nno other line\n"))
  }

  @Test func `an exit that waits for a run by hand on another thread says so`() throws {
    #expect(
      try waiting("by hand")
        == Outcome(
          .exited(5), output: "no other line\n\(Self.line)a handler that another thread runs\(Self.remedy)\n"))
  }

  @Test func `threads that wait while the exit is in a function of libc's list say so`() throws {
    #expect(
      try waiting("in libc")
        == Outcome(.exited(5), output: "no other line\n\(Self.line)what libc runs at exit\(Self.remedy)\n"))
  }

  @Test(arguments: [("signal", Ending.signaled(SIGTERM)), ("request", .exited(5)), ("exit", .exited(5))])
  func `where signals are asked for, a handler that blocks the only thread is named`(
    way: String, ending: Ending
  ) throws {
    #expect(
      try waiting("alone", way)
        == Outcome(ending, output: "\(Self.line)exit handler \"flush\" (app.c:7)\(Self.remedy)\nno other line\n"))
  }

  @Test func `where signals are asked for, libc's part that blocks the only thread is named`() throws {
    #expect(
      try waiting("in libc alone")
        == Outcome(.exited(5), output: "no other line\n\(Self.line)what libc runs at exit\(Self.remedy)\n"))
  }

  @Test func `a run by hand that waits says nothing, nor does an exit with a deadline`() throws {
    #expect(try waiting("before exit") == Outcome(.exited(5), output: "has waited\nno other line\n"))
    #expect(try waiting("with deadline") == Outcome(.exited(5), output: "no other line\n"))
  }
}
