// SPDX-License-Identifier: Apache-2.0

import Glibc
import ProcessSupport
import Testing

/// How the library writes a line. What the lines say is tested where each is provoked.
@Suite struct StderrTests {
  let program: String

  init() throws { program = try compile("stderr.c") }

  /// Written with a plain `write`, the exit hangs where stderr is full, and dies of SIGPIPE where stderr is broken.
  @Test(arguments: ["closed", "broken", "full", "broken socket", "full socket"])
  func `a stderr that takes no line neither keeps the exit nor kills the process`(state: String) throws {
    #expect(try run(program, ["complaint", state]) == Outcome(.exited(9), output: "goes on\n"))
  }

  @Test func `a line to a broken pipe leaves no SIGPIPE behind, and takes none away`() throws {
    #expect(try run(program, ["broken in the middle"]) == Outcome(.signaled(SIGPIPE)))
  }

  @Test func `no control character reaches a terminal`() throws {
    let errors = try run(program, ["commands"]).errors
    #expect(!errors.unicodeScalars.contains { $0.properties.generalCategory == .control && $0 != "\n" })
    #expect(errors.hasSuffix("x\nä stays\n"))
  }
}
