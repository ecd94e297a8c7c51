// SPDX-License-Identifier: Apache-2.0

import Glibc
import ProcessSupport
import Testing

/// How Swift traps here.
#if arch(x86_64)
  let trap = Ending.signaled(SIGILL)
#else
  let trap = Ending.signaled(SIGTRAP)
#endif

@Suite struct NotRunTests {
  @Test(
    arguments: [
      ("_exit", Ending.exited(4), []), ("quick_exit", .exited(4), []), ("exec", .exited(4), ["executed"]),
      ("abort", .signaled(SIGABRT), []), ("SIGTERM", .signaled(SIGTERM), []), ("SIGKILL", .signaled(SIGKILL), []),
      ("fatalError", trap, []), ("a trap", trap, []), ("a plain error", trap, []),
    ])
  func `no handler runs on a way out that is none, and the process ends as ever`(
    case name: String, ending: Ending, lines: [String]
  ) throws {
    let outcome = try runProgram("Cases", name)
    #expect(outcome.ending == ending)
    #expect(outcome.lines == ["leaving"] + lines)
  }
}
