// SPDX-License-Identifier: Apache-2.0
//
// A program with CExitFirst looks to its own code, and to a debugger, as without; and CExitFirst works beside tools that
// stand in front of libc, too: sanitizers, valgrind, a preloaded tool.

import ProcessSupport
import Testing

@Suite(.disabled(if: isSanitized, "the builds with a sanitizer are of this suite's own choice"))
struct FirstAmongToolsTests {
  static let order = ExitFirstTests.inFront
  static let plainOrder = ["libc's", "newer", "older", "libc's registers", "late"]

  static func lines(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }

  // ---- The program itself

  /// The same file name for both, as the program prints its name.
  static func programs() throws -> [String] {
    try [ExitFirstTests.build(), .plain].map { try compile("first-among-tools-same.c", $0) }
  }

  @Test func `arguments, environment, stack, signals and threads of main are the same`() throws {
    let outcomes = try Self.programs().map { try run($0, ["look", "a", "b"], environment: ["MARK": "x"]) }
    #expect(outcomes[0] == outcomes[1])
    #expect(outcomes[0].ending == .exited(0))
    for line in [
      "arguments 4, the last is null: 1", "environment behind the arguments: 1, main's third argument: 1, MARK=x",
      "started by the name first-among-tools-same, with its headers: 1, secure: 0",
      "signals blocked, ignored or handled: 0",
    ] where !isForeign { #expect(outcomes[0].output.contains(line)) }
  }

  @Test(.disabled(if: isEmulated, "the emulator has a stack of its own"))
  func `main has the whole stack that the limit allows`() throws {
    for program in try Self.programs() {
      #expect(try run(program, ["deep"]) == Outcome(.exited(3), lines: "used all of it: 1"))
    }
  }

  @Test(.disabled(if: isEmulated, "/proc/self/exe is the emulator"), arguments: ["main", "thread", "handler"])
  func `exec runs no handler that is pending, and the new program has an exit of its own`(place: String) throws {
    for program in try Self.programs() {
      #expect(
        try run(program, ["exec", place])
          == Outcome(
            .exited(4), output: (place == "handler" ? "newer\n" : "") + "exec\nhandler of the other program\n"))
    }
  }

  // ---- Debuggers

  /// What gdb prints; the programs write to the same terminal.
  static func debug(_ program: String, _ way: String, _ commands: String...) throws -> String {
    let words = (["set width 0", "set debuginfod enabled off"] + commands).flatMap { ["-ex", $0] }
    return try run("gdb", ["-nx", "-batch"] + words + ["--args", program, "order", way]).output
  }

  @Test(needs("gdb"), .disabled(if: isForeign, "gdb is this machine's"), arguments: [false, true])
  func `a debugger stops in main as the outermost frame, and steps out of main`(first: Bool) throws {
    let program = try compile("exit-first.c", first ? ExitFirstTests.build() : .plain)
    let text = try Self.debug(
      program, "return", "break main", "run", "backtrace", "break order", "continue", "finish", "next", "next",
      "continue")
    let frames = text.split(separator: "\n").filter { $0.hasPrefix("#") }
    #expect(frames.count == 1 && frames[0].hasPrefix("#0  main (argc=3, argv=0x"), "\(text)")
    #expect(text.contains("Value returned is $1 = 3"), "\(text)")
    // The caller of main has no lines: either next stops there, or goes on to the end of the process.
    #expect(text.contains(Self.lines(first ? Self.order : Self.plainOrder)), "\(text)")
    #expect(text.contains("exited with code 03"), "\(text)")
  }

  @Test(needs("gdb"), .disabled(if: isForeign, "gdb is this machine's"), arguments: [false, true])
  func `in a handler a debugger shows the call of exit, and main below`(first: Bool) throws {
    let program = try compile("exit-first.c", first ? ExitFirstTests.build() : .plain)
    let text = try Self.debug(program, "exit", "break say_name", "run", "backtrace")
    let frames = text.split(separator: "\n").filter { $0.hasPrefix("#") }
    #expect(frames.first?.contains("say_name (name=") == true, "\(text)")
    #expect(frames.contains { $0.contains("exit (") }, "\(text)")
    #expect(frames.contains { $0.contains(" order (") }, "\(text)")
    #expect(frames.last?.contains(" main (argc=3, argv=0x") == true, "\(text)")
  }

  // ---- Sanitizers and valgrind

  // clang's thread sanitizer of a Swift toolchain does not link without Swift.
  @Test(
    .disabled(if: isForeign, "sanitizers are this machine's"),
    arguments: [
      ("cc", "address"), ("cc", "thread"), ("cc", "undefined"), ("cc", "leak"), ("clang", "address"),
      ("clang", "undefined"), ("clang", "leak"),
    ], ["return", "exit", "thread"])
  func `in a program with a sanitizer CExitFirst is in front`(build: (String, String), way: String) throws {
    let program = try Self.sanitized(build.0, build.1)
    #expect(try run(program, ["order", way]) == Outcome(.exited(3), output: Self.lines(Self.order)))
  }

  /// The core is the plain one; a sanitizer's functions stand in front of libc's for all of the process.
  static func sanitized(_ compiler: String, _ sanitizer: String, _ source: String = "exit-first.c") throws -> String {
    let core = try coreObjects(.plain), first = try orderObject("CExitFirst", .plain)
    return try compile(
      source,
      .plain.with {
        $0.compiler = compiler
        $0.core = .absent
        $0.programFlags = ["-fsanitize=\(sanitizer)"]
        $0.libraries = [first] + core
      })
  }

  @Test(
    .disabled(if: isForeign, "sanitizers are this machine's"), arguments: [("cc", "address"), ("clang", "address")])
  func `a leak is found after the handlers, and gives the status of the sanitizer`(build: (String, String)) throws {
    let program = try Self.sanitized(build.0, build.1)
    for way in ["return", "exit"] {
      let outcome = try run(program, ["leak", way], environment: ["ASAN_OPTIONS": "detect_leaks=1:exitcode=23"])
      #expect(outcome.ending == .exited(23) && outcome.output == "handler\n")
      #expect(outcome.errors.contains("LeakSanitizer: detected memory leaks"))
      #expect(!outcome.errors.contains("ExitKit:"))
    }
  }

  @Test(
    needs("valgrind"), .disabled(if: isForeign, "valgrind is this machine's"), arguments: ["return", "exit", "thread"])
  func `in valgrind CExitFirst is in front, and valgrind finds no fault`(way: String) throws {
    let program = try compile("exit-first.c", ExitFirstTests.build())
    #expect(
      try run("valgrind", ["-q", "--error-exitcode=99", program, "order", way])
        == Outcome(.exited(3), output: Self.lines(Self.order)))
  }

  // ---- A preloaded tool that stands in front of libc's exit and start function

  static func isBehind(_ name: String, _ consequence: String) -> String {
    "ExitKit: CExitFirst is not in front: another definition of \(name) is found first, so \(consequence)\n"
  }

  @Test(.disabled(if: fixturesHaveFirst, "this program is built without"), arguments: ["return", "exit", "thread"])
  func `beside a preloaded tool handlers run first, and the object in front is told`(way: String) throws {
    let tool = try compile("first-among-tools-interposer.c", .plugin), library = try ExitFirstTests.library()
    let inFront = Outcome(
      .exited(3), lines: "tool's start", "newer", "older", "tool's exit", "libc's", "libc's registers", "late")
    // The executable is in front of whatever is preloaded.
    #expect(
      try run(compile("exit-first.c", ExitFirstTests.build()), ["order", way], environment: ["LD_PRELOAD": tool])
        == inFront)
    #expect(
      try run(compile("exit-first.c"), ["order", way], environment: ["LD_PRELOAD": "\(library):\(tool)"]) == inFront)
    // A tool in front that calls what comes next: CExitFirst comes next.
    let behind = try run(compile("exit-first.c"), ["order", way], environment: ["LD_PRELOAD": "\(tool):\(library)"])
    let lines = way == "return" ? inFront.output : inFront.output.replacing("start\n", with: "start\ntool's exit\n")
    #expect(
      behind
        == Outcome(.exited(3), output: lines, errors: Self.isBehind("exit", "handlers run in its order")))
  }

  @Test(.disabled(if: fixturesHaveFirst || isMusl, "this program is built without; musl calls it libc.so"))
  func `a tool that starts main past CExitFirst is told, once`() throws {
    let tool = try compile("first-among-tools-interposer.c", .plugin.with { $0.flags.append("-DLIBCS_START") })
    let preloaded = ["LD_PRELOAD": "\(tool):\(try ExitFirstTests.library())"]
    let line = Self.isBehind("__libc_start_main", "the return from main runs handlers in libc's order")
    for (way, order) in [("return", Self.plainOrder), ("exit", Self.order)] {
      #expect(
        try run(compile("exit-first.c"), ["order", way], environment: preloaded)
          == Outcome(.exited(3), output: "tool's start\n" + Self.lines(order), errors: line))
    }
  }
}
