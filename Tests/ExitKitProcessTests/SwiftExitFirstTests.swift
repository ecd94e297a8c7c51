// SPDX-License-Identifier: Apache-2.0
//
// Swift programs that CExitFirst is linked into: every way of writing a program, and plain exit in each.

import ProcessSupport
import Testing

@Suite struct SwiftExitFirstTests {
  @Test(arguments: ["FirstTopLevel", "FirstMain", "FirstAsyncMain"], ["return", "exit"])
  func `handlers run before libc's, with and without exit`(program: String, way: String) throws {
    let handler = program == "FirstTopLevel" ? "handler of main.swift" : "handler"
    let outcome = try runProgram(program, way)
    #expect(outcome.lines == ["async handler", handler, "libc's"])
    #expect(outcome.ending == .exited(way == "exit" ? 3 : 0))
    #expect(outcome.errors == "")
  }
}
