// SPDX-License-Identifier: Apache-2.0
//
// CExitOrder: one order with handlers that other code gave to libc. Each program is built with CExitOrder and without.

import ProcessSupport
import Testing

@Suite(.disabled(if: isSanitized, "a sanitizer stands in front of libc itself"))
struct ForeignOrderTests {
  static let onExit = isMusl ? [] : ["on_exit, status 5"]  // musl has no on_exit
  static let mixed = ["libc3", "4"] + onExit + ["3", "2", "libc2", "1", "libc1"]

  static func order(_ build: CBuild = .plain) throws -> String {
    try orderObject("CExitOrder", build)
  }

  static func program(_ arguments: String..., build: CBuild = .plain) throws -> Outcome {
    let order = try order(build)
    return try run(compile("foreign-order.c", build.with { $0.libraries.insert(order, at: 0) }), arguments)
  }

  static func library() throws -> String {
    try compile("foreign-order-library.cpp", .plugin)
  }

  static func lines(_ lines: [String], status: Int32 = 0) -> Outcome {
    Outcome(.exited(status), output: lines.map { $0 + "\n" }.joined())
  }

  @Test func `handlers of libc's and of the stack run in one order, newest first`() throws {
    #expect(try Self.program("mixed") == Self.lines(Self.mixed, status: 5))
  }

  @Test func `without CExitOrder the stack has the place of its first registration`() throws {
    #expect(
      try fixture("foreign-order", ["mixed"])
        == Self.lines(["libc3"] + Self.onExit + ["libc2", "4", "3", "2", "1", "libc1"], status: 5))
  }

  @Test func `clang's is the same, and a shared core's`() throws {
    if !isForeign {
      #expect(
        try Self.program("mixed", build: .plain.with { $0.compiler = "clang" }) == Self.lines(Self.mixed, status: 5))
    }
    #expect(try Self.program("mixed", build: .plain.with { $0.core = .shared }) == Self.lines(Self.mixed, status: 5))
  }

  @Test func `a static executable has CExitOrder with the linker's help`() throws {
    let build = CBuild.plain.with { $0.programFlags = ["-static", "-Wl,--wrap=__cxa_atexit,--wrap=atexit"] }
    #expect(try Self.program("mixed", build: build) == Self.lines(Self.mixed, status: 5))
  }

  @Test func `LD_PRELOAD gives CExitOrder to a program that was built without`() throws {
    let objects = try [Self.order()] + coreObjects(.plain)
    let library = try make("libCExitOrder.so", from: objects) {
      [CBuild.plain.compiler, "-shared", "-o", $0] + objects
    }
    #expect(
      try run(compile("foreign-order.c"), ["mixed"], environment: ["LD_PRELOAD": library])
        == Self.lines(Self.mixed, status: 5))
  }

  @Test func `an entry that a handler registers has its place in the same order`() throws {
    #expect(
      try Self.program("in a handler")
        == Self.lines(["3", "registers", "inner 2", "libc1", "inner 1", "2", "libc2", "1"]))
  }

  @Test func `phases keep their order`() throws {
    #expect(try Self.program("phases") == Self.lines(["early", "2", "libc2", "libc1", "1", "late"]))
  }

  @Test(needsCxx) func `an object in a library is destroyed at the place of its construction`() throws {
    #expect(try Self.program("library", Self.library()) == Self.lines(["3", "2", "the object", "1"]))
    #expect(try fixture("foreign-order", ["library", Self.library()]) == Self.lines(["the object", "3", "2", "1"]))
  }

  @Test(needsCxx, arguments: [0, 1]) func `memory does not grow with entries that come and go`(kept: Int) throws {
    #expect(
      try Self.program("memory", Self.library(), "\(kept)")
        == Self.lines(["grown: no"] + Array(repeating: "kept", count: kept)))
  }

  @Test func `threads that register both lose none`() throws {
    let outcome = try Self.program("threads")
    #expect(outcome.ending == .exited(0))
    let lines = outcome.output.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count { $0 == "2000" } == 1)
    #expect(lines.count { $0 == "libc1" } == 2000)
    #expect(lines.count { $0 == "" } == 2001)  // and one after the last end of line
  }
}
