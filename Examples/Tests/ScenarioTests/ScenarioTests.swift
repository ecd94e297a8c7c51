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

  /// The lines that name a program, without scenarios that need a tool which is missing here. The program of scenario 3 is
  /// in a package of its own, and `make test-macro` checks it.
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
