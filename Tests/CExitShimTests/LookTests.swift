// SPDX-License-Identifier: Apache-2.0

import ProcessSupport
import Testing

/// `cexit_walk` and `cexit_dump` show the pending entries.
@Suite struct LookTests {
  /// The lines of a dump, with the process's number taken out.
  func dump(_ arguments: String...) throws -> Outcome {
    let outcome = try fixture("look", arguments)
    let output = outcome.output.replacing(/process [0-9]+/, with: "process N")
    return Outcome(outcome.ending, output: output, errors: outcome.errors)
  }

  @Test func `a dump shows pending entries in the order of running, functions by symbol`()
    throws
  {
    #expect(
      try dump("dump")
        == Outcome(
          .exited(0),
          output: """
            ExitKit: process N is not exiting
            pending, the next one first:
              5 schön  [31m  early inherited
              4 look!nothing
              3 stack outer
                2 a stack
                  2 look!plain
                  1 look!plain (App/main.c:21)
                1 oldest
                - finalizer asleep
              2 look!with_status
              1 log (App/main.c:7) late

            """))
  }

  @Test func `a walk shows depth, name, number, phase, flags, function, stack and line`() throws {
    let lines = [
      "0 schön \u{1B}[31m\n 5 1 129 1 - 0", "0 - 4 0 128 1 - 0", "0 outer 3 0 16 1 - 0", "1 - 2 0 16 1 outer 0",
      "2 - 2 0 128 1 - 0", "2 - 1 0 128 1 - 21", "1 oldest 1 0 128 1 outer 0", "1 finalizer 0 0 160 1 outer 0",
      "0 - 2 0 128 1 - 0", "0 log 1 2 128 1 - 7",
    ]
    func output(_ lines: some Sequence<String>) -> String { lines.map { $0 + "\n" }.joined() }
    #expect(try fixture("look", ["walk"]) == Outcome(.exited(0), output: output(lines)))
    #expect(try fixture("look", ["walk", "2"]) == Outcome(.exited(0), output: output(lines.prefix(2))))
    #expect(
      try fixture("look", ["walk-one"])
        == Outcome(
          .exited(0), lines: "0 - 2 0 16 1 outer 0", "1 - 2 0 128 1 - 0", "1 - 1 0 128 1 - 21",
          "0 oldest 1 0 128 1 outer 0", "0 finalizer 0 0 160 1 outer 0"))
  }

  @Test func `a visitor may run the entry of its visit`() throws {
    #expect(try fixture("look", ["change"]) == Outcome(.exited(0), lines: "f", "e", "d", "c", "b", "a"))
  }

  @Test func `in a forked child the parent's entries are shown as such`() throws {
    #expect(
      try dump("child")
        == Outcome(
          .exited(0), lines: "ExitKit: process N is not exiting", "pending, the next one first:", "  2 child's",
          "  1 both's inherited", "  - parent's a parent's", "child: 0"))
  }

  @Test func `a dump shows the handlers of the deepest stack that can be made`() throws {
    let levels = (1...32).map { String(repeating: "  ", count: $0) + "1 stack level\n" }.joined()
    let head = "ExitKit: process N is not exiting\npending, the next one first:\n"
    let last = String(repeating: "  ", count: 33) + "1 deepest\n"
    #expect(try dump("deep") == Outcome(.exited(0), output: head + levels + last))
  }

  @Test func `a dump in a handler shows the running handler and the rest of its stack`() throws {
    let expected = Outcome(
      .exited(5), lines: "ExitKit: process N is exiting with status 5", "  runs stuck (a.c:3)", "  runs stack module",
      "      1 after", "pending, the next one first:", "  1 last")
    guard !isThreadSanitized else { return }
    #expect(try dump("running") == expected)
  }

  @Test func `a dump on another thread shows the handler that the exit runs, and for how long`() throws {
    let outcome = try dump("elsewhere")
    let output = outcome.output.replacing(/for [0-9.]+ s/, with: "for T s")
    guard !isThreadSanitized else { return }
    #expect(
      Outcome(outcome.ending, output: output)
        == Outcome(
          .exited(5), lines: "ExitKit: process N is exiting with status 5", "  runs stuck (a.c:3) for T s",
          "pending, the next one first:", "  1 last"))
  }

  @Test func `where the lock cannot be had a dump does without, and says so`() throws {
    #expect(
      try dump("locked")
        == Outcome(
          .exited(0), lines: "ExitKit: process N is not exiting", "pending, the next one first:", "  1 stack module",
          "    1 one", "  (read without the lock, which a thread holds: entries may be missing or wrong)",
          "0 module 1 0 16 1 - 0", "1 one 1 0 128 1 module 0"))
  }

  @Test func `an entry without a file is shown without a file after the entry has moved`() throws {
    #expect(try fixture("look", ["moved"]) == Outcome(.exited(0), lines: "150 seen, 30 ran"))
  }

  @Test func `a dump in a signal handler that interrupts registrations and cancellations ends`() throws {
    #expect(try fixture("look", ["interrupted", rounds(50_000)]) == Outcome(.exited(0), lines: "0"))
  }

  /// With a copy of the entry that goes before the reader has read the copy, 19 of 20 processes crash. The exit takes at most a
  /// million late entries.
  @Test func `a dump by another thread reads handlers that stand while handlers end`() throws {
    #expect(try fixture("look", ["ending", isSanitized || isEmulated ? "160000" : "800000"]) == Outcome(.exited(5)))
  }

  // A thread sanitizer keeps the status from handlers.
  @Test func `a reader from outside finds the stacks by the description of their layout`() throws {
    let status = isThreadSanitized ? "status 0" : "status 6"
    #expect(
      try fixture("look-layout", ["read"])
        == Outcome(
          .exited(6), lines: "early main.c:3 kind 0 phase 1 0 1", "nested -:0 kind 4 phase 0 0 0",
          "  inner main.c:262143 kind 0 phase 2 0 0", "many main.c:1 kind 0 phase 0 0 0",
          "asleep main.c:4 kind 0 phase 3 1 0", "no exit", "early main.c:3 kind 0 phase 1 0 1",
          "child's main.c:5 kind 0 phase 0 0 0", "nested -:0 kind 4 phase 0 0 0 a parent's",
          "  inner main.c:262143 kind 0 phase 2 0 0 a parent's", "asleep main.c:4 kind 0 phase 3 1 0 a parent's",
          "child: 0", "runs early", status, "runs inner", "runs nested", status))
  }
}
