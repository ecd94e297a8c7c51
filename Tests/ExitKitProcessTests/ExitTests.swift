// SPDX-License-Identifier: Apache-2.0

import ProcessSupport
import Testing

@Suite struct ExitTests {
  private static let crowd = (0..<64).reversed().map { "\($0)" }

  @Test(arguments: [("two tasks exit", Int32(11)..<13), ("many tasks exit", 100..<164)])
  func `of tasks that exit at once one runs each handler once, and one gives the status`(
    case name: String, statuses: Range<Int32>
  ) throws {
    for _ in 0..<5 {
      let outcome = try runProgram("Cases", name)
      #expect(outcome.lines == Self.crowd)
      #expect(try statuses.contains(#require(outcome.status)))
      #expect(outcome.errors == "")
    }
  }

  @Test(arguments: ["every handler exits", "every asynchronous handler exits", "many tasks exit, each handler exits"])
  func `an exit in each handler loses no other handler, and the last status wins`(case name: String) throws {
    let outcome = try runProgram("Cases", name)
    #expect(outcome.lines == Self.crowd)
    #expect(outcome.ending == .exited(1))
  }

  @Test func `an exit in a manual run ends the process, after all other handlers`() throws {
    #expect(
      try runProgram("Cases", "a handler of a stack run by hand exits")
        == Outcome(.exited(5), output: "hand, newer\nhand, older\nprocess\n"))
    #expect(try runProgram("Cases", "a handler run by hand exits") == Outcome(.exited(5), output: "newer\nolder\n"))
  }

  @Test(
    arguments: [
      ("a handler runs the rest by hand", ["newer", "older", "ran 1"]),
      ("a handler registers", ["early", "next", "older", "late"]),
      ("a handler cancels and runs others", ["run", "cancel true run true again false"]),
      ("early, normal, late", ["early 2", "early 1", "normal 2", "normal 1", "late 2", "late 1"]),
      ("registered by what libc runs later", ["libc's, newer", "ours", "late, pending 0"]),
      ("no error", ["body", "handler"]),
    ])
  func `a handler may do anything at exit`(case name: String, lines: [String]) throws {
    #expect(try runProgram("Cases", name) == Outcome(.exited(0), output: lines.map { "\($0)\n" }.joined()))
  }

  @Test func `captures are released right after their handler, before the next handler runs`() throws {
    let outcome = try runProgram("Cases", "captures are released")
    let each = ["async", "newer", "older"].flatMap { [$0, "released \($0)"] }
    #expect(outcome.lines == ["released cancelled"] + each)
  }

  @Test func `a registration after the end is refused, said so, and holds nothing`() throws {
    let outcome = try runProgram("Cases", "registered after the end")
    #expect(outcome.lines == ["ours", "released capture", "pending false", "nested false"])
    #expect(
      outcome.reports
        == ["exit handler \"too late\"", "exit handler"].map {
          "ExitKit: \($0) (Cases/Exits.swift) was not registered: too late, the process has run its exit handlers"
        })
    #expect(outcome.ending == .exited(0))
  }

  @Test(arguments: ["a synchronous scope", "an asynchronous scope"])
  func `a scope that an error leaves runs its handlers, before the process's handlers`(case name: String) throws {
    #expect(
      try runProgram("Cases", name)
        == Outcome(.exited(1), output: "scope\nprocess\n", errors: "ExitKit: error: DiskFull()\n"))
  }

  @Test(arguments: ["exit in a scope", "exit in an asynchronous scope"])
  func `an exit runs a scope's handlers only if its stack is nested in the process stack`(case name: String) throws {
    #expect(try runProgram("Cases", name) == Outcome(.exited(3), output: "nested\n"))
  }

  @Test(arguments: ["error", "error of another type"])
  func `an error that has no status of its own has status 1`(case name: String) throws {
    #expect(try runProgram("Cases", name) == Outcome(.exited(1), errors: "ExitKit: error: DiskFull()\n"))
  }

  @Test(
    arguments: [
      ("error that the program tells", Int32(1), "told DiskFull()\n"),
      ("error that the program tells, asynchronous", 74, "told DiskFull()\n"),
      ("error with a status of its own", 64, ""), ("error with a status of its own, mapped", 3, ""),
      ("error with a status of its own, told", 64, "told Usage()\n"),
    ])
  func `a program tells an error in its words; an error with its own status is not told`(
    case name: String, status: Int32, output: String
  ) throws {
    #expect(try runProgram("Cases", name) == Outcome(.exited(status), output: output))
  }

  @Test func `handlers run without any memory`() throws {
    let outcome = try runProgram("Cases", "no memory is left")
    #expect(outcome == Outcome(.exited(3), output: String(repeating: "ran\n", count: 40)))
  }
}
