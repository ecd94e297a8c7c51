// SPDX-License-Identifier: Apache-2.0

import Glibc
import ProcessSupport
import Testing

@Suite(.disabled(if: isSanitized, "a sanitizer has words of its own for a crash")) struct CrashNoteTests {
  let program: String

  init() throws { program = try compile("crash-note.c") }

  static let crashes: [(way: String, signal: Int32, name: String)] = [
    ("null", SIGSEGV, "SIGSEGV"), ("bus", SIGBUS, "SIGBUS"), ("trap", SIGILL, "SIGILL"),
    ("breakpoint", SIGTRAP, "SIGTRAP"), ("abort", SIGABRT, "SIGABRT"), ("raise", SIGFPE, "SIGFPE"),
    ("overflow", SIGSEGV, "SIGSEGV"),
  ]

  func note(_ signal: String) -> String { "ExitKit: exit handler \"bad one\" (App/main.c:12) crashed: \(signal)\n" }

  @Test(arguments: crashes)
  func `a handler that crashes is named, and the process dies of the crash`(
    crash: (way: String, signal: Int32, name: String)
  ) throws {
    let outcome = try run(program, ["plain", crash.way])
    #expect(outcome == Outcome(.signaled(crash.signal), output: "first\n", errors: note(crash.name)))
  }

  @Test func `an unnamed handler that crashes is told by its object and symbol`() throws {
    let line = "ExitKit: exit handler crash-note!by_null crashed: SIGSEGV\n"
    #expect(try run(program, ["unnamed"]) == Outcome(.signaled(SIGSEGV), errors: line))
  }

  @Test(arguments: crashes)
  func `the same on the thread that a signal wakes`(crash: (way: String, signal: Int32, name: String)) throws {
    let outcome = try run(program, ["signal", crash.way])
    #expect(outcome == Outcome(.signaled(crash.signal), errors: note(crash.name)))
  }

  @Test(arguments: [
    ("null", "11, at the address"), ("breakpoint", "5, ?"), ("abort", "6, sent by itself"),
    ("raise", "8, sent by itself"),
  ])
  func `an older handler of the signal gets the signal with its siginfo`(way: String, told: String) throws {
    let outcome = try run(program, ["before", way])
    #expect(outcome.ending == .exited(9))
    #expect(outcome.output == "was there before: signal \(told)\n")
  }

  @Test func `a crash in the release of captures counts for their handler`() throws {
    let outcome = try run(program, ["release"])
    #expect(outcome == Outcome(.signaled(SIGSEGV), errors: "ExitKit: exit handler \"goes early\" crashed: SIGSEGV\n"))
  }

  @Test func `a crash on another thread is not put down to a handler`() throws {
    #expect(try run(program, ["elsewhere"]) == Outcome(.signaled(SIGSEGV)))
  }

  @Test func `nothing is installed but while handlers run at exit`() throws {
    #expect(try run(program, ["only in the run"]) == Outcome(.exited(7), output: "libc's\n"))
  }

  @Test func `a disposition that a handler sets stays`() throws {
    #expect(try run(program, ["handed over"]) == Outcome(.exited(8), output: "taken over: 11\n"))
  }

  @Test func `a signal that the program mends, jumps out of or ignores is no crash`() throws {
    let outcome = try run(program, ["no crash"])
    #expect(outcome == Outcome(.exited(7), output: "mapped, and written\nleft\nignored\n"))
  }

  @Test func `where the program reports crashes itself, the note comes after its report`() throws {
    let outcome = try run(program, ["reporter", "null"])
    #expect(outcome == Outcome(.signaled(SIGSEGV), output: "reported\n", errors: note("SIGSEGV")))
  }

  @Test(arguments: ["blocked", "from a crash"])
  func `a handler that crashes while the signal is blocked is named`(how: String) throws {
    #expect(try run(program, [how, "null"]) == Outcome(.signaled(SIGSEGV), errors: note("SIGSEGV")))
  }

  @Test func `a signal that is sent while blocked keeps waiting, and the mask is as before`() throws {
    #expect(try run(program, ["sent while blocked"]) == Outcome(.exited(7), output: "waits\n"))
  }

  @Test func `after SIGPIPE in a handler the rest runs, then SIGPIPE ends the process`() throws {
    let line =
      "ExitKit: exit handler \"report\" (App/main.c:12) wrote to a pipe that nobody reads: "
      + "the rest runs, then the process dies of SIGPIPE\n"
    let outcome = try run(program, ["broken pipe"])
    #expect(outcome == Outcome(.signaled(SIGPIPE), output: "status 3\n", errors: line))
    #expect(try run(program, ["broken pipe", "ignored"]) == Outcome(.exited(3), output: "status 3\n"))
  }

  @Test func `a broken stderr does not change the signal of which the process dies`() throws {
    #expect(try run(program, ["no stderr"]) == Outcome(.signaled(SIGSEGV)))
  }
}
