// SPDX-License-Identifier: Apache-2.0

import ProcessSupport
import Testing

@Suite struct ProcessStackTests {
  @Test(arguments: ["run", "runAsync", "run elsewhere", "at exit"])
  func `closures of the process stack run on their actors, and errors are reported`(
    case name: String
  ) throws {
    let outcome = try runProgram("Cases", name)
    let said = [
      "an actor's", "the main actor's", "newer", "released newer", "older", "released older",
    ]
    let told = [9, 24, 19, 18, 17].map { "line \($0) \($0 == 18 ? "failed" : "went well")" }
    #expect(outcome.ending == .exited(0))
    #expect(outcome.lines == said + (name == "at exit" ? [] : told))
    #expect(outcome.errors == "ExitKit: error in exit handler (Cases/ProcessStack.swift:18): DiskFull()\n")
  }

  @Test func `a closure of the process stack runs or is cancelled once, by hand, too`() throws {
    let outcome = try runProgram("Cases", "one by one")
    #expect(outcome.ending == .exited(0))
    #expect(
      outcome.lines == [
        "first", "released first", "true, false, false", "released second", "true, false, false", "true",
      ])
    #expect(outcome.errors == "ExitKit: error in exit handler (Cases/ProcessStack.swift:59): DiskFull()\n")
  }

  @Test func `cancelled closures of the process stack are released newest first`() throws {
    let outcome = try runProgram("Cases", "cancelled together")
    #expect(outcome.ending == .exited(0))
    #expect(outcome.lines == ["released newer", "released older", "3"])
  }

  @Test func `a closure that the process stack refuses is released, and the failure reported`() throws {
    let outcome = try runProgram("Cases", "unregistered")
    #expect(outcome.ending == .exited(0))
    #expect(outcome.lines == ["released unusable", "runs"])
    #expect(
      outcome.errors
        == "ExitKit: exit handler (Cases/ProcessStack.swift:70) was not registered: "
        + "its timeout has to be more than zero and less than 49 days\n")
  }
}
