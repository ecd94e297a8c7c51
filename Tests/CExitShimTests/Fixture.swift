// SPDX-License-Identifier: Apache-2.0

import CExitShim
import ProcessSupport
import Testing

/// Runs one case of a program of Tests/Fixtures.
func fixture(_ name: String, _ arguments: [String], _ build: CBuild = .plain) throws -> Outcome {
  try run(compile("\(name).c", build), arguments, deadline: isSanitized ? 300 : 60)
}

/// For a test that needs a dlclose that unloads.
let unloads: ConditionTrait = .enabled(if: libcUnloads, "this libc unloads nothing")

/// How many times longer than usual the tests for races go on: EXITKIT_STRESS, 1 unless set.
let stress = getenv("EXITKIT_STRESS").flatMap { Int(String(cString: $0)) } ?? 1

/// A sanitizer makes each round many times as long, and needs fewer of them to see something.
func rounds(_ count: Int) -> String { String(count * stress / (isSanitized ? 5 : 1)) }

extension Outcome {
  /// With these lines on standard output, and nothing on standard error.
  init(_ ending: Ending, lines first: String, _ more: String...) {
    self.init(ending, output: ([first] + more).map { $0 + "\n" }.joined())
  }
}
