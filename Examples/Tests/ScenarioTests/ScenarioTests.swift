// SPDX-License-Identifier: Apache-2.0
//
// How the scenarios are tested: each line of scenarios.txt names a program, in C or in Swift, and the file with the
// program's expected output and end. The test compares both. The end is the wait status as a parent sees the status; a
// shell shows 128 and the signal's number for a program that a signal killed.

import Glibc
import ProcessSupport
import Testing

// The lines run one after the other, since a line may look at files of the line before.
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

  /// The lines that name a program, without scenarios that need a missing tool. The program of scenario 3 is in a
  /// package of its own, and `make test-macro` checks that package.
  static func all() throws -> [Scenario] {
    var scenarios: [Scenario] = []
    var isLeftOut = false
    for line in try contents("\(packageRoot)/scenarios.txt").split(separator: "\n") where !line.hasPrefix("|") {
      let words = line.split(separator: " ").map(String.init)
      if words[0] == "#" {
        isLeftOut = false
      } else if words[0] == "needs" {
        isLeftOut = words[1...].contains { lacking.contains($0) || $0 == "swift-syntax" }
      } else if !isLeftOut {
        guard words.count == 3 else { throw Misread(line: String(line)) }
        let arguments = words[1] == "-" ? [] : words[1].split(separator: ",").map(String.init)
        scenarios.append(Scenario(program: words[0], arguments: arguments, expected: words[2]))
      }
    }
    return scenarios
  }
}

/// The tools that `make test` found missing.
let lacking = (getenv("EXITKIT_WITHOUT").map { String(cString: $0) } ?? "").split { $0.isWhitespace }.map(String.init)

struct Misread: Error { let line: String }

extension Outcome {
  private static let signals = [SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGTERM: "SIGTERM"]

  /// The text of `demo` for a scenario: standard output, standard error with a mark, and the end.
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
