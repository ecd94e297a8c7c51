// SPDX-License-Identifier: Apache-2.0
//
// Each line of scenarios.txt is a test: the program of that name, in C or in Swift, prints what its file says, and ends
// as it says there. Its parent sees the wait status; a shell sees 128 and something for a program that was killed.

import Glibc
import ProcessSupport
import Testing

// One after the other: a line may look at what the one before it left behind.
@Suite(.serialized) struct ScenarioTests {
  private static let scratch = Result { try emptyFolder("scenarios") }

  @Test(arguments: try Scenario.all()) func `a program prints and ends as its file says`(scenario: Scenario) throws {
    let scratch = try Self.scratch.get()
    let outcome = try run(
      "\(builtPrograms)/\(scenario.program)", scenario.arguments.map { $0.replacing("TMP", with: scratch) })
    let expected = try contents("\(packageRoot)/\(scenario.expected)")
    #expect(outcome.transcript.lines == expected.lines)
  }
}

struct Scenario: Sendable, CustomTestStringConvertible {
  let program: String
  let arguments: [String]
  let expected: String

  var testDescription: String { ([program] + arguments).joined(separator: " ") }

  static func all() throws -> [Scenario] {
    try contents("\(packageRoot)/scenarios.txt").split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
      let words = line.split(separator: " ").map(String.init)
      guard words.count == 3 else { throw Misread(line: String(line)) }
      let arguments = words[1] == "-" ? [] : words[1].split(separator: ",").map(String.init)
      return Scenario(program: words[0], arguments: arguments, expected: words[2])
    }
  }
}

struct Misread: Error { let line: String }

extension Outcome {
  private static let signals = [SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGTERM: "SIGTERM"]

  /// As `demo` shows it: standard output, standard error with a mark, and the end.
  var transcript: String {
    let end =
      switch ending {
      case .exited(let status): "status \(status)"
      case .signaled(let signal): "killed by \(Self.signals[signal] ?? "signal \(signal)")"
      case .overdue: "still running at its deadline"
      }
    return output + errors.lines.dropLast().map { "stderr| \($0)\n" }.joined() + "[\(end)]\n"
  }
}

extension String {
  var lines: [Substring] { split(separator: "\n", omittingEmptySubsequences: false) }
}
