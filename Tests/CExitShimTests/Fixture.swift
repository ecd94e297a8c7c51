// SPDX-License-Identifier: Apache-2.0
//
// How the tests of the C core work: most tests run one case of a fixture (Tests/Fixtures/fixture.h), and compare the printed
// lines and the way in which the process ended. Tests of a stack alone run in the process of the tests (Transcript.swift).
// A test of a race says `rounds`: few in each run, more with EXITKIT_STRESS, fewer where a sanitizer makes each round slow.

import CExitShim
import ProcessSupport
import Testing

/// For a test that needs a dlclose that unloads.
let unloads: ConditionTrait = .enabled(if: libcUnloads, "this libc unloads nothing")

extension Outcome {
  /// With these lines on standard output, and nothing on standard error.
  init(_ ending: Ending, lines first: String, _ more: String...) {
    self.init(ending, output: ([first] + more).map { $0 + "\n" }.joined())
  }
}
