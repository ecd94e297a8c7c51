// SPDX-License-Identifier: Apache-2.0
//
// How the tests of Swift programs work: Tests/Programs has a program for each form of `main`, and one named Cases, whose
// first argument names the case. SwiftPM builds the programs; a test runs one, and compares its output and its end.

import ProcessSupport

/// Runs a program of Tests/Programs. A crash is to be seen by its wait status, so the runtime's backtrace, which
/// takes a second, is not made.
func runProgram(_ program: String, _ arguments: String..., environment: [String: String] = [:]) throws -> Outcome {
  try run(builtProgram(program), arguments, environment: quiet.merging(environment) { $1 })
}

let quiet = ["SWIFT_BACKTRACE": "enable=no"]

extension Outcome {
  var lines: [String] { output.split(separator: "\n").map(String.init) }

  /// The reports of the program, without the line numbers of the source.
  var reports: [String] {
    errors.split(separator: "\n").map { line in
      guard let colon = line.firstRange(of: ".swift:"), let end = line[colon.upperBound...].firstIndex(of: ")") else {
        return String(line)
      }
      return String(line[..<line.index(before: colon.upperBound)]) + line[end...]
    }
  }

  var status: Int32? {
    if case .exited(let status) = ending { status } else { nil }
  }
}
