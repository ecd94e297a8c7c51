// SPDX-License-Identifier: Apache-2.0
//
// CExitFirst: plain exit and the return from main run the stack before libc's exit begins. EXITKIT_STRESS multiplies the
// rounds of the tests with many threads.

import CExitShim
import ProcessSupport
import Testing

@Suite(.disabled(if: isSanitized, "a sanitizer stands in front of libc itself"))
struct ExitFirstTests {
  static func build(_ change: (inout CBuild) -> Void = { _ in }) throws -> CBuild {
    let build = CBuild.plain.with(change)
    let object = try orderObject("CExitFirst", build)
    return build.with { $0.libraries.insert(object, at: 0) }
  }

  /// CExitFirst and the core as a shared object, for LD_PRELOAD.
  static func library() throws -> String {
    let objects = try [orderObject("CExitFirst", .plain)] + coreObjects(.plain)
    return try make("libCExitFirst.so", from: objects) {
      [CBuild.plain.compiler, "-shared", "-o", $0] + objects + ["-ldl"]
    }
  }

  static func program(_ arguments: [String], _ build: CBuild? = nil) throws -> Outcome {
    try run(compile("exit-first.c", build ?? self.build()), arguments, deadline: 180)
  }

  static let inFront = ["newer", "older", "libc's", "libc's registers", "late"]

  @Test(arguments: ["return", "exit", "thread"])
  func `the stack runs before libc's handlers, by every way out`(way: String) throws {
    #expect(try Self.program(["order", way]) == ForeignOrderTests.lines(Self.inFront, status: 3))
    #expect(
      try fixture("exit-first", ["order", way])
        == ForeignOrderTests.lines(["libc's", "newer", "older", "libc's registers", "late"], status: 3))
  }

  @Test func `clang's is the same, and a shared core's`() throws {
    let clangs = try isForeign ? [] : [Self.build { $0.compiler = "clang" }]
    for build in try clangs + [Self.build { $0.core = .shared }] {
      #expect(try Self.program(["order", "return"], build) == ForeignOrderTests.lines(Self.inFront, status: 3))
    }
  }

  @Test(arguments: ["return", "exit", "thread"])
  func `a static executable has CExitFirst with the linker's help`(way: String) throws {
    let build = try Self.build {
      $0.programFlags = ["-static", "-Wl,--wrap=exit,--wrap=__libc_start_main,-u,__libc_exit_fini,-u,__init_libc"]
    }
    #expect(try Self.program(["order", way], build) == ForeignOrderTests.lines(Self.inFront, status: 3))
  }

  @Test(arguments: [
    ([], "libc's, newer, older, libc's registers, late", "exit is found first, so handlers run in its order"),
    (
      ["-Wl,--wrap=exit"], inFront.joined(separator: ", "),
      "__libc_start_main is found first, so the return from main runs handlers in libc's order"
    ),
  ])
  func `a static executable without the linker's help says that libc is in front`(
    flags: [String], order: String, line: String
  ) throws {
    let build = try Self.build { $0.programFlags = ["-static"] + flags }
    #expect(
      try Self.program(["order", "return"], build)
        == Outcome(
          .exited(3), output: order.replacing(", ", with: "\n") + "\n",
          errors: "ExitKit: CExitFirst is not in front: another definition of \(line)\n"))
  }

  @Test func `LD_PRELOAD gives CExitFirst to a program that was built without`() throws {
    #expect(
      try run(compile("exit-first.c"), ["order", "return"], environment: ["LD_PRELOAD": Self.library()])
        == ForeignOrderTests.lines(Self.inFront, status: 3))
  }

  @Test(needsCxx) func `a handler uses a function's static and a thread-local that were built later`() throws {
    #expect(
      try run(compile("exit-first-statics.cpp", Self.build()))
        == ForeignOrderTests.lines(
          [
            "handler uses function's static, thread-local", "thread-local destroyed", "registered in a destructor",
            "function's static destroyed",
          ], status: 3))
  }

  @Test(arguments: [("_exit", ""), ("quick_exit", "")])
  func `ways out that run nothing stay as they are`(way: String, output: String) throws {
    #expect(try Self.program(["quickly", way]) == Outcome(.exited(3), output: output))
  }

  @Test func `a child of vfork that exits has its status, and its parent has its handlers`() throws {
    #expect(try Self.program(["vfork"]) == Outcome(.exited(0), lines: "0x700", "parent's"))
  }

  @Test func `a child that is made while another thread exits leaves by plain exit`() throws {
    let outcome = try Self.program(["child"])
    #expect(outcome.ending == .exited(3))
    // musl writes the first line of standard output at once.
    #expect(outcome.output == (isMusl ? "flushed\nchild's\n0x500\n" : "child's\nflushed\n0x500\n"))
  }

  @Test(arguments: ["fork", "_Fork", "clone"])
  func `a child that a handler makes and that returns ends with the status of the exit`(way: String) throws {
    #expect(
      try run(compile("fork.c", Self.build()), ["handler", way])
        == Outcome(
          .exited(3), lines: "child's", "child: 3", "parent's 2", "child's", "child: 1", "parent's 1"))
  }

  // Plain exit is a door in these programs.
  @Test(arguments: DeadlineTests.ways)
  func `by a door a deadline names the stuck handler, and the status is kept`(way: String) throws {
    let outcome = try run(compile("deadline.c", Self.build()), ["whole", way])
    #expect(outcome.ending == .exited(7) && outcome.output == "first\n")
    #expect(outcome.errors.hasPrefix("ExitKit: exit handler \"\(way)\" (App/main.c:12) is stuck after"))
  }

  @Test(arguments: CrashNoteTests.crashes)
  func `by a door a handler that crashes is named`(crash: (way: String, signal: Int32, name: String)) throws {
    #expect(
      try run(compile("crash-note.c", Self.build()), ["plain", crash.way])
        == Outcome(
          .signaled(crash.signal), output: "first\n",
          errors: "ExitKit: exit handler \"bad one\" (App/main.c:12) crashed: \(crash.name)\n"))
  }

  // Without CExitFirst, on glibc 2.36, the first round of this one dies of SIGSEGV in ten of ten runs.
  @Test func `64 threads in plain exit run 64 handlers once, above as many of libc's`() throws {
    let outcome = try Self.program(["crowd", rounds(40)])
    #expect(outcome == Outcome(.exited(0), lines: "done"))
  }

  @Test func `nine threads that come to plain exit within a moment lose nothing`() throws {
    let outcome = try Self.program(["nine", rounds(200)])
    #expect(outcome == Outcome(.exited(0), lines: "done"))
  }

  @Test func `a thread that exits while libc runs its own does not cut that short`() throws {
    for _ in 1...20 {
      let outcome = try Self.program(["late"])
      try #require(outcome == Outcome(.exited(3), lines: "handler", "libc's ends"))
    }
  }

  @Test func `CExitFirst and CExitOrder do not link together, and libraries say so at start`() throws {
    let objects = try ["CExitFirst", "CExitOrder"].map { try orderObject($0, .plain) }
    #expect(throws: SystemFailure.self) {
      try compile("exit-first.c", .plain.with { $0.libraries.insert(contentsOf: objects, at: 0) })
    }
    let libraries = try objects.map { object in
      try make("\(object.split(separator: "/").last!.dropLast(2)).so", from: [object]) {
        [CBuild.plain.compiler, "-shared", "-o", $0, object, "-ldl"]
      }
    }
    let outcome = try run(
      compile("exit-first.c"), ["order", "return"], environment: ["LD_PRELOAD": libraries.joined(separator: ":")])
    #expect(outcome.ending == .exited(3))
    #expect(
      outcome.errors
        == "ExitKit: CExitFirst and CExitOrder are both linked: CExitOrder's order holds; link one of them\n")
  }

  @Test func `CExitFirst says so when another definition of exit is in front`() throws {
    let locked = try compileObject("door-lock.c", .plain)
    let outcome = try Self.program(["order", "exit"], Self.build().with { $0.libraries.insert(locked, at: 0) })
    #expect(outcome.ending == .exited(3))
    #expect(
      outcome.errors
        == "ExitKit: CExitFirst is not in front: another definition of exit is found first, so handlers run in its order\n"
    )
  }
}
