// SPDX-License-Identifier: Apache-2.0
//
// Signal handlers that come back for the library while their thread is in it: never a hang.

import ProcessSupport
import Testing

@Suite struct InterruptionTests {
  @Test func `a signal handler registers, or is told EDEADLK, while its thread registers`() throws {
    #expect(try fixture("interrupted", ["load", rounds(2000)]) == Outcome(.exited(0), lines: "handler"))
  }

  @Test func `every call in the middle of a call is refused, and changes nothing`() throws {
    #expect(try fixture("interrupted", ["held"]) == Outcome(.exited(0), lines: "EDEADLK", "stack", "handler"))
  }

  static let complaint =
    "ExitKit: exit called by a signal handler that interrupted a registration: handlers did not run\n"

  @Test(arguments: [("exit", Int32(5)), ("cexit_exit", 6)])
  func `exit in the middle of a registration ends the process, and says so once`(how: String, status: Int32) throws {
    #expect(
      try fixture("interrupted", ["exit-held", how]) == Outcome(.exited(status), errors: Self.complaint))
  }

  @Test func `an exit with the lock held ends, too, when another thread is exiting`() throws {
    #expect(
      try fixture("interrupted", ["exit-held-second"]) == Outcome(.exited(6), errors: Self.complaint))
  }

  @Test(.disabled(if: isSanitized, "a sanitizer stands where this program stands in for libc"))
  func `libc's own lock is not asked for twice`() throws {
    let outcome = try fixture("interrupted", ["libc"])
    #expect(outcome.ending == .exited(0))
    #expect(outcome.output.hasPrefix("EDEADLK\n") && outcome.output.hasSuffix("EDEADLK\nhandler\n"))
  }
}
