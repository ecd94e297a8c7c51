// SPDX-License-Identifier: Apache-2.0
//
// Signal handlers that come back for the library while their thread is in it: never a hang.

import ProcessSupport
import Testing

@Suite struct InterruptionTests {
  @Test func `a signal handler registers, or is told EDEADLK, while its thread registers`() throws {
    #expect(try fixture("interruption", ["load", rounds(2000)]) == Outcome(.exited(0), lines: "handler"))
  }

  @Test func `every call in the middle of a call is refused, and changes nothing`() throws {
    #expect(try fixture("interruption", ["held"]) == Outcome(.exited(0), lines: "EDEADLK", "stack", "handler"))
  }

  @Test(arguments: [("exit", Int32(5)), ("cexit_exit", 6)])
  func `exit in the middle of a registration runs every handler`(how: String, status: Int32) throws {
    #expect(try fixture("interruption", ["exit-held", how]) == Outcome(.exited(status), lines: "handler"))
  }

  @Test func `an exit with the lock held waits when another thread is exiting`() throws {
    #expect(try fixture("interruption", ["exit-held-second"]) == Outcome(.exited(3), lines: "older"))
  }

  @Test(.disabled(if: isSanitized, "a sanitizer puts the signal off"), arguments: ["exit", "cexit_exit"])
  func `no exit in a loop of registrations loses a handler`(how: String) throws {
    #expect(try fixture("interruption", ["loop", how, rounds(60)]) == Outcome(.exited(0), lines: "complete"))
  }

  @Test(.disabled(if: isSanitized, "a sanitizer stands where this program stands in for libc"))
  func `cexit_exit while its thread adds to libc's list runs the stack without libc`() throws {
    let complaint =
      "ExitKit: exit called by a signal handler that interrupted libc's atexit: handlers of libc did not run\n"
    #expect(
      try fixture("interruption", ["exit-libc"]) == Outcome(.exited(6), output: "handler\n", errors: complaint))
  }

  /// What handlers and releases print when the exit comes before, in and after the operation, each once in this order. Where an exit
  /// does not take the lock over, an exit at some 130 instructions of a registration loses all handlers; so do, of 60 in a loop, 40
  /// exits by `exit` and 52 by `cexit_exit`.
  static let operations: [(name: String, every: Int, outputs: [String])] = [
    ("register", 1, ["b a", "c b a"]),
    ("register-page", 17, ["b a", "c b a", "d c b a"]),
    ("cancel", 1, ["c b ~b a", "c a", "~b c a"]),
    ("move", 11, ["b a", "1 b a", "2 1 b a", "3 2 1 b a"]),
    ("destroy", 13, ["c 2 1 b a", "c b a"]),
    ("nest", 11, ["b a"]),
    ("create", 5, ["b a"]),
    ("nested", 3, ["c 2 1 b a", "c 3 2 1 b a"]),
    ("place", 7, ["2 1 c b a", "2 1 c 3 b a"]),
    ("wake", 7, ["c a", "b c a"]),
    ("mark", 11, ["b a"]),
  ]

  @Test(
    .disabled(if: isSanitized || isEmulated, "a sanitizer puts the signal off, an emulator has no ptrace"),
    arguments: operations, ["exit", "cexit_exit"])
  func `an exit at any instruction of an operation runs every handler once and in order`(
    operation: (name: String, every: Int, outputs: [String]), how: String
  ) throws {
    if how == "exit" && ["mark", "place"].contains(operation.name) { return }  // in libc's own lock libc's exit hangs
    let bound = CBuild.plain.with { $0.programFlags = ["-Wl,-z,now"] }  // else the loader's instructions count
    let outcome = try fixture("interruption-stepped", [operation.name, how, String(operation.every)], bound)
    #expect(
      outcome == Outcome(.exited(0), output: operation.outputs.map { $0 + " \n" }.joined(), errors: outcome.errors))
  }

  @Test(.disabled(if: isSanitized, "a sanitizer stands where this program stands in for libc"))
  func `libc's own lock is not asked for twice`() throws {
    let outcome = try fixture("interruption", ["libc"])
    #expect(outcome.ending == .exited(0))
    #expect(outcome.output.hasPrefix("EDEADLK\n") && outcome.output.hasSuffix("EDEADLK\nhandler\n"))
  }
}
