// SPDX-License-Identifier: Apache-2.0
//
// musl, by musl-gcc: plain exit tells handlers no status there, and with CExitFirst the status is right. All other tests run on
// musl by `make matrix`.

import ProcessSupport
import Testing

@Suite(
  needs("musl-gcc"), .disabled(if: isSanitized || isForeign, "musl-gcc makes programs for this machine alone"))
struct MuslTests {
  static let build = CBuild().with { $0.compiler = "musl-gcc" }

  static func program(_ source: String) throws -> String {
    let first = try orderObject("CExitFirst", build)
    return try compile(source, build.with { $0.libraries.insert(first, at: 0) })
  }

  @Test(arguments: ["return", "exit", "thread"])
  func `on musl the stack runs before libc's handlers, by every way out`(way: String) throws {
    #expect(
      try run(Self.program("exit-first.c"), ["order", way])
        == ForeignOrderTests.lines(ExitFirstTests.inFront, status: 3))
  }

  @Test func `on musl a deadline ends the process with the status of plain exit`() throws {
    let outcome = try run(Self.program("deadline.c"), ["whole", "block"])
    #expect(outcome.ending == .exited(7))
    #expect(outcome.errors.contains("\"block\" (App/main.c:12) is stuck"))
    // Without CExitFirst musl tells no status: so the deadline cannot know 7.
    #expect(try run(compile("deadline.c", Self.build), ["whole", "block"]).ending == .exited(1))
  }

  @Test(arguments: ["return", "exit"])
  func `on musl handlers of cexit_on_exit hear the status`(way: String) throws {
    #expect(
      try run(Self.program("exit-first.c"), ["status", way]) == Outcome(.exited(3), lines: "handler hears 3"))
    #expect(
      try run(compile("exit-first.c", Self.build), ["status", way]) == Outcome(.exited(3), lines: "handler hears 0"))
  }

  @Test func `on musl a child of vfork that exits has its status`() throws {
    for (program, status) in try [(Self.program("fork.c"), 7), (compile("fork.c", Self.build), 127)] {
      #expect(
        try run(program, ["vfork"])
          == Outcome(.exited(0), lines: "child: \(status)", "child: 8", "parent's, later", "parent's"))
    }
  }
}
