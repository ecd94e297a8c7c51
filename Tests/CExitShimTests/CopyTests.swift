// SPDX-License-Identifier: Apache-2.0
//
// Several copies of the core in one process, which see nothing of each other's symbols, have one stack.

import CExitShim
import ProcessSupport
import Testing

@Suite struct CopyTests {
  /// A program with its own copy, or with none, and not one symbol for others to find.
  static let program = CBuild.plain.with { $0.flags.append("-fvisibility=hidden") }
  static let bare = program.with {
    $0.core = .absent; $0.flags.append("-DNO_COPY")
  }

  /// A plugin with its own copy, or with the one in a shared library. `number` tells plugins apart: the same file would
  /// be loaded once.
  static func plugin(_ number: Int, core: CBuild.Core = .linked, _ flags: String...) throws -> String {
    try compile(
      "copy-plugin.c",
      .plugin.with {
        $0.core = core
        $0.flags += flags
        $0.libraries = ["-DPLUGIN=\(number)", "-Wl,-Bsymbolic"]
      })
  }

  static func program(_ build: CBuild = program, _ steps: String...) throws -> Outcome {
    try run(compile("copy.c", build), steps)
  }

  @Test(arguments: [CBuild.Core.linked, .shared])
  func `a program and its plugin have one order, whichever registers first`(core: CBuild.Core) throws {
    let plugin = try Self.plugin(0, core: core)
    #expect(
      try Self.program(
        Self.program, "open=\(plugin)", "add=-=one", "add=0=two", "add=-=three", "add=0=four", "count=-", "count=0")
        == Outcome(.exited(0), lines: "4", "4", "four", "three", "two", "one"))
    #expect(
      try Self.program(Self.program, "open=\(plugin)", "add=0=one", "add=-=two", "add=0=three", "count=-")
        == Outcome(.exited(0), lines: "3", "three", "two", "one"))
  }

  @Test func `plugins of a program without a copy have one order`() throws {
    #expect(
      try Self.program(
        Self.bare, "open=\(Self.plugin(0))", "open=\(Self.plugin(1))", "open=\(Self.plugin(2, core: .shared))",
        "add=1=one", "add=0=two", "add=2=three", "add=1=four", "count=0", "count=1", "count=2")
        == Outcome(.exited(0), lines: "4", "4", "4", "four", "three", "two", "one"))
  }

  @Test(unloads) func `unloading runs a plugin's handlers, also on another copy's stack`() throws {
    #expect(
      try Self.program(
        Self.program, "open=\(Self.plugin(0))", "add=-=one", "add=0=two", "add=-=three", "close=0", "count=-")
        == Outcome(.exited(0), lines: "two", "2", "three", "one"))
  }

  @Test func `the copy that has the stack stays loaded while another copy uses the stack`() throws {
    #expect(
      try Self.program(
        Self.program, "open=\(Self.plugin(0))", "add=0=one", "add=-=two", "close=0", "count=-", "add=-=three")
        == Outcome(.exited(0), lines: "2", "three", "two", "one"))
  }

  @Test(unloads) func `the copy that has the stack can be unloaded, and another copy takes its place`() throws {
    #expect(
      try Self.program(
        Self.program, "open=\(Self.plugin(0))", "open=\(Self.plugin(1))", "add=0=one", "close=0", "count=1",
        "add=1=two", "add=-=three")
        == Outcome(.exited(0), lines: "one", "0", "three", "two"))
  }

  @Test func `every copy knows that the process exits`() throws {
    #expect(
      try Self.program(Self.program, "open=\(Self.plugin(0))", "add=-=one", "deferred=0")
        == Outcome(.exited(0), lines: "exiting: yes", "one"))
  }

  @Test func `a forked child runs its own entries, whichever copy registered them`() throws {
    #expect(
      try Self.program(Self.program, "open=\(Self.plugin(0))", "add=-=parent's", "fork", "add=0=child's", "count=-")
        == Outcome(.exited(0), lines: "1", "child's", "child: 0", "parent's"))
  }

  @Test func `copies that are used for the first time at once agree`() throws {
    let plugins = try (0..<8).map { "open=\(try Self.plugin($0))" }
    let all = (0..<8).flatMap { ["add=\($0)=\($0)", "count=\($0)"] }
    let expected = (1...8).map { "\($0)\n" } + (0..<8).reversed().map { "\($0)\n" }
    for _ in 0..<10 * stress {
      #expect(
        try run(compile("copy.c", Self.bare), plugins + ["threads"] + all)
          == Outcome(.exited(0), output: expected.joined()))
    }
  }

  // musl has no claim that can be seen without a lock: there the executable's copy always has the stack.
  @Test(arguments: isMusl ? ["program"] : ["program", "plugin"])
  func `a newer and an older copy share; calls that the older copy lacks are refused`(older: String) throws {
    let known = "-DCEXIT_COPY_SIZE=offsetof(struct cexit__copy,stack_nest_owned)"
    let program = older == "program" ? Self.program.with { $0.flags.append(known) } : Self.program
    let plugin = try older == "program" ? Self.plugin(0) : Self.plugin(0, known)
    let (first, second) = older == "program" ? ("-", "0") : ("0", "-")
    #expect(
      try Self.program(
        program, "open=\(plugin)", "add=\(first)=one", "add=\(second)=two", "nest=\(second)", "count=\(first)",
        "nest=\(first)", "mark=\(second)", "cancel=\(second)")
        == Outcome(.exited(0), lines: "Function not implemented", "2", errorText(0), errorText(0), "0", "two", "one"))
  }

  @Test func `incompatible copies keep their own stacks, and one line says so`() throws {
    let plugin = try Self.plugin(0, "-DCEXIT_SHARING=2", "-DCEXIT_COPY_VERSION=0x20304")
    let outcome = try Self.program(
      Self.program, "open=\(plugin)", "add=-=one", "add=0=two", "add=-=three", "add=0=four", "count=-", "count=0")
    #expect(outcome.ending == .exited(0))
    #expect(outcome.output == "2\n2\nfour\ntwo\nthree\none\n")
    // musl's loader knows the executable's path.
    let executable = try isMusl ? compile("copy.c", Self.program) : "the executable"
    #expect(
      outcome.errors
        == """
        ExitKit: \(executable) has an exit stack of its own: its CExitShim \(CEXIT_VERSION) cannot share one with 2.3.4

        """)
  }
}
