// SPDX-License-Identifier: Apache-2.0
//
// How a test runs a case of a C fixture, and how often: a race is tried few times in each run of the tests, more often with
// EXITKIT_STRESS, and less often under a sanitizer or an emulator.

import Glibc

/// Runs a case of a C program of Tests/Fixtures.
public func fixture(_ name: String, _ arguments: [String], _ build: CBuild = .plain) throws -> Outcome {
  try run(compile("\(name).c", build), arguments, deadline: isSanitized ? 300 : 60)
}

/// How many times longer than usual the tests for races go on: EXITKIT_STRESS, 1 unless set.
public let stress = getenv("EXITKIT_STRESS").flatMap { Int(String(cString: $0)) } ?? 1

/// A sanitizer and an emulator make each round many times as long; a sanitizer needs fewer rounds to see a mistake.
public func rounds(_ count: Int) -> String { String(count * stress / (isEmulated ? 10 : isSanitized ? 5 : 1)) }
