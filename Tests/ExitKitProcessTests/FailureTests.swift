// SPDX-License-Identifier: Apache-2.0

import ProcessSupport
import Testing

@Suite struct FailureTests {
  private static let failing = ["nested", "context", "async", "async arguments", "arguments"]

  private static func report(_ name: String) -> String {
    "ExitKit: error in exit handler \"\(name)\" (Cases/Failures.swift): DiskFull()"
  }

  @Test(arguments: [("failures", Int32(0)), ("failures, exit 3", 3), ("failures, status 70", 70)])
  func `errors are reported, all handlers run, and statusOnFailure replaces only 0`(
    case name: String, status: Int32
  ) throws {
    let outcome = try runProgram("Cases", name)
    #expect(outcome.ending == .exited(status))
    #expect(outcome.lines == ["newer", "older"])
    #expect(outcome.reports == Self.failing.map(Self.report))
  }

  @Test func `a nested stack's own status comes before its parent's`() throws {
    let outcome = try runProgram("Cases", "failure, status of a nested stack")
    #expect(outcome.ending == .exited(71))
    #expect(outcome.reports == [Self.report("nested")])
  }

  @Test func `the status stays if no handler fails at exit`() throws {
    #expect(try runProgram("Cases", "no failure, status 70") == Outcome(.exited(0), output: "fine\n"))
    let outcome = try runProgram("Cases", "failure of a stack run by hand, status 70")
    #expect(outcome.ending == .exited(0))
    #expect(outcome.reports == [Self.report("by hand")])
  }

  @Test func `a C handler's failure goes to the same reporter, and sets the same status`() throws {
    let outcome = try runProgram("Cases", "failures of C")
    #expect(outcome == Outcome(.exited(70), output: "reported flush disk full\ngoes on\n"))
    let line = try runProgram("Cases", "failures of C, reporter taken away")
    #expect(line == Outcome(.exited(0), output: "", errors: "ExitKit: error in exit handler \"flush\": disk full\n"))
  }

  @Test func `an exit that waits for an asynchronous handler names the handler after a while`() throws {
    let outcome = try runProgram("Cases", "asynchronous handler that waits")
    #expect(outcome.lines == ["ExitKit: still waiting for exit handler \"shutdown\" …"])
    #expect(outcome.ending == .exited(0))
  }

  @Test func `the trace counts the failures of Swift handlers, and shows the wait for a task`() throws {
    let table = try runProgram("Cases", "failures", environment: ["EXITKIT_TRACE": "1"])
    #expect(table.errors.contains("ExitKit: handlers that ran: 7, that failed: 5\n"))
    let file = try runProgram("Cases", "failures", environment: ["EXITKIT_TRACE": "/dev/stderr"])
    #expect(file.errors.split(separator: "\n").count { $0.contains("\"error\":\"DiskFull()\"") } == 5)
    let waits = try runProgram(
      "Cases", "asynchronous handler that waits", environment: ["EXITKIT_TRACE": "/dev/stdout"])
    let events = waits.output.split(separator: "\n").filter { $0.contains("\"cat\":\"wait\"") }
    #expect(events.count >= 2 && events.count.isMultiple(of: 2))
    #expect(events.first?.contains("\"name\":\"task\"") == true)
  }

  @Test func `a reporter takes the place of the line on stderr`() throws {
    let outcome = try runProgram("Cases", "reporter")
    #expect(outcome.lines == ["newer"] + Self.failing.map { "reported \($0) DiskFull()" } + ["older"])
    #expect(outcome.errors == "")
    #expect(outcome.ending == .exited(0))
  }

  @Test func `without its reporter the line is back`() throws {
    let outcome = try runProgram("Cases", "reporter, taken away")
    #expect(outcome.output == "")
    #expect(outcome.reports == [Self.report("plain")])
  }

  @Test func `a reporter of the main actor is called on the main actor by every exit`() throws {
    let expected = ["newer"] + (1...5).map { "reported \($0)" } + ["older"]
    let outcome = try runProgram("Cases", "reporter of the main actor")
    #expect(outcome.lines == expected)
    #expect(outcome.ending == .exited(3))
    #expect(outcome.errors == "")
  }

  @Test func `a reporter that throws loses neither its failure nor the other handlers`() throws {
    let outcome = try runProgram("Cases", "reporter that throws")
    #expect(outcome.lines == ["older"])
    #expect(outcome.reports == [Self.report("plain"), "ExitKit: error in failure reporter: CancellationError()"])
    #expect(outcome.ending == .exited(0))
  }

  @Test func `a handler that a reporter registers runs next`() throws {
    #expect(try runProgram("Cases", "reporter that registers").lines == ["reported plain", "registered", "older"])
  }

  @Test func `a reporter that exits ends its handler and gives the status`() throws {
    let outcome = try runProgram("Cases", "reporter that exits")
    #expect(outcome.lines == ["newer"] + Self.failing.map { "reported \($0)" } + ["older"])
    #expect(outcome.ending == .exited(9))
  }

  @Test(arguments: ["stderr closed", "stderr is a broken pipe", "stderr is full"])
  func `a standard error that takes nothing breaks nothing`(case name: String) throws {
    #expect(try runProgram("Cases", name) == Outcome(.exited(0), output: "newer\nolder\n"))
  }
}
