// SPDX-License-Identifier: Apache-2.0

import ProcessSupport
import Testing

/// What bindings of languages ask for.
@Suite struct BindingTests {
  // ---- Closing

  @Test func `a closed stack runs the entries that its handlers add, then refuses entries`() throws {
    #expect(
      try fixture("binding", ["closed at exit"])
        == Outcome(
          .exited(3),
          lines: "accepted after the close: 0", "registered while the stack runs", "in the stack: 0",
          "registered while the stack runs", "older than the stack: refused"))
  }

  @Test func `single steps come to the end of a closed stack as a run does`() throws {
    #expect(
      try fixture("binding", ["closed steps"])
        == Outcome(.exited(0), lines: "one", "two", "after the last step: refused"))
  }

  @Test func `a forked child closes its own stack, and not its parent's`() throws {
    #expect(
      try fixture("binding", ["closed in child"])
        == Outcome(
          .exited(0), lines: "child's", "in the child: refused", "child: 7", "parent's other", "parent's"))
  }

  // ---- A run that does not wait

  @Test func `a try returns EBUSY while another thread runs the stack; a later try runs`() throws {
    #expect(
      try fixture("binding", ["tries"])
        == Outcome(
          .exited(0),
          lines: "handler begins", "busy", "handler ends", "older", "oldest",
          "in a handler of the same stack: 0, 1 ran", "1 ran"))
  }

  // ---- Cancelling by a predicate

  @Test func `a predicate cancels by context and by prefix, also in nested stacks`() throws {
    #expect(
      try fixture("binding", ["cancels"])
        == Outcome(
          .exited(0),
          lines: "log released", "tmp 1 released", "tmp 1 released", "tmp 2 released", "tmp 2 released", "log",
          "log released"))
  }

  @Test func `a predicate is asked once for each entry, and may itself register and cancel`() throws {
    #expect(
      try fixture("binding", ["cancels many"]) == Outcome(.exited(0), lines: "registered by the predicate", "stays"))
  }

  // ---- Failures

  static let lines = """
    ExitKit: error in exit handler "flush" (app.c:12): disk full
    ExitKit: error in exit handler binding!fail: no name

    """

  @Test(arguments: zip(["", "70", "70 4"], [Int32(0), 70, 4]))
  func `a C handler's failure has a line with its name, and the status asked for`(
    _ arguments: String, _ status: Int32
  ) throws {
    let steps = """
      ExitKit: error in exit handler binding!fail_in_steps: the first of two
      ExitKit: error in exit handler binding!fail_in_steps: and the second

      """
    let outcome = try fixture("binding", ["fails"] + arguments.split(separator: " ").map(String.init))
    #expect(outcome.output == "goes on\ngoes on\n")
    #expect(outcome.errors.replacing(/handler binding[^!]*!/, with: "handler binding!") == steps + Self.lines)
    if !isThreadSanitized { #expect(outcome.ending == .exited(status)) }
  }

  @Test func `a failure before the exit leaves the status alone`() throws {
    let outcome = try fixture("binding", ["fails by hand"])
    #expect(outcome.ending == .exited(0))
    #expect(outcome.errors.replacing(/handler binding[^!]*!/, with: "handler binding!") == Self.lines)
  }

  @Test func `a failure goes to the run's observer, else to the reporter, else to stderr`() throws {
    #expect(
      try fixture("binding", ["fails reported"])
        == Outcome(
          .exited(0),
          output: """
            reported: flush (app.c:12): disk full
            goes on
            observed: flush disk full
            goes on
            observed: flush has run
            goes on

            """, errors: "ExitKit: error in exit handler \"flush\" (app.c:12): disk full\n"))
  }

  // ---- In place of the handler's function

  @Test func `another function runs in place of a handler's, and the context is released`() throws {
    #expect(
      try fixture("binding", ["runs instead"])
        == Outcome(.exited(0), lines: "another in place of handler", "own released"))
  }

  // ---- Texts that stay

  @Test func `literals and short texts stay, as long as the table has room`() throws {
    #expect(try fixture("binding", ["lasting texts"]) == Outcome(.exited(0)))
  }

  @Test func `eight limits stay, each under its number, and the ninth finds no room`() throws {
    #expect(try fixture("binding", ["lasting limits"]) == Outcome(.exited(0)))
  }
}
