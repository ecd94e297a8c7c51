// SPDX-License-Identifier: Apache-2.0
//
// A system that has less than a usual Linux: no /proc, an older kernel, a libc that refuses, a full disk.

import Glibc
import ProcessSupport
import Testing

@Suite(.disabled(if: isSanitized || isForeign, "a sanitizer makes such calls itself; these are calls of this libc"))
struct SystemFaultTests {
  /// Runs a case of the fixture while the functions of `failing` fail.
  private func outcome(_ words: String..., failing: String = "", more: [String: String] = [:]) throws -> Outcome {
    try run(compile("system-fault.c"), words, environment: ["FAIL": " \(failing) "].merging(more) { $1 })
  }

  @Test(arguments: ["", "fd", "fd pwritev2"])
  func `a line comes to an own pipe and to another user's pipe, also on an old kernel`(
    failing: String
  ) throws {
    #expect(
      try outcome("line", "free", failing: failing)
        == Outcome(.exited(0), output: "goes on\n", errors: "a line\n"))
  }

  @Test(arguments: ["", "fd", "fd pwritev2"])
  func `a full pipe of another user does not keep the process, also on an old kernel`(failing: String) throws {
    #expect(try outcome("line", "full", failing: failing) == Outcome(.exited(0), lines: "goes on"))
  }

  /// What is known of the function decides: its symbol, its place in the file, its address.
  @Test(arguments: [
    ("", "system-fault!nameless"), ("files", "system-fault+0x"), ("pread", "system-fault+0x"), ("maps", "0x"),
  ])
  func `a function is named by the readable part of its file`(failing: String, name: String) throws {
    let outcome = try outcome("names", failing: failing)
    let lines = outcome.output.split(separator: "\n")
    #expect(outcome.ending == .exited(3) && lines.count == 3, "\(outcome)")
    #expect(lines[1].hasPrefix("  runs \(name)"), "\(lines)")
  }

  @Test func `where a thread cannot have attributes, each call says so, and handlers run`() throws {
    let refused = Outcome(.exited(4), lines: "12 12 12", "handler")
    #expect(try outcome("threads", failing: "pthread_attr_init") == refused)
  }

  /// The end of main is not noticed without a key; the thread that looks for the end is the second thread.
  @Test func `a process that cannot end with its last thread is told so`() throws {
    #expect(
      try outcome("threads", failing: "pthread_key_create second-thread")
        == Outcome(
          .exited(4), output: "0 11 11\nhandler\n",
          errors: "ExitKit: no thread can be made that ends the process when the last thread has ended\n"))
  }

  @Test func `a file that reads a signal has the signal; where /proc is silent, an exit comes`()
    throws
  {
    #expect(try outcome("reader") == Outcome(.exited(5), lines: "older handler", "handler"))
    #expect(try outcome("reader", failing: "proc") == Outcome(.signaled(SIGTERM), lines: "handler", "older handler"))
  }

  @Test(arguments: ["", "madvise"])
  func `a child of vfork runs no handler of the parent, also on an old kernel`(failing: String) throws {
    #expect(try outcome("vfork", failing: failing) == Outcome(.exited(0), lines: "child: 6", "parent's"))
  }

  @Test func `handlers of more shared objects than there are numbers for run`() throws {
    #expect(try outcome("owners", "5000") == Outcome(.exited(4), lines: "10000 ran"))
  }

  @Test func `a trace on a full disk loses events and no handler`() throws {
    let folder = try TraceTests.Folder()
    let outcome = try outcome("full", more: ["EXITKIT_TRACE": "\(folder.path)/trace"])
    #expect(outcome == Outcome(.exited(4), lines: "handler", "handler", "handler"))
    #expect(try folder.text("trace") == "")
  }
}
