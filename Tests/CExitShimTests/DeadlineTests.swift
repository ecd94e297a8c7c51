// SPDX-License-Identifier: Apache-2.0

import Glibc
import ProcessSupport
import Testing

@Suite(.disabled(if: isSanitized, "the program brings an allocator of its own")) struct DeadlineTests {
  let program: String

  init() throws { program = try compile("deadline.c") }

  /// A line of the deadline's, with the measured time taken out of it.
  func withoutTime(_ line: String) -> String {
    line.replacing(/after [0-9]+\.[0-9]{3} s/, with: "after some time")
  }

  static let ways = ["spin", "block", "allocator", "lock", "mask"]
  static let passed = "is stuck after some time: the deadline of 0.150 s has passed\n"
  static let left = "; 1 handler did not run: deadline!say_name\n"

  @Test(arguments: ways)
  func `a handler that is stuck is named, and the process ends with its status`(way: String) throws {
    let outcome = try run(program, ["whole", way])
    #expect(outcome.ending == .exited(7))
    #expect(outcome.output == "first\n")
    #expect(
      withoutTime(outcome.errors)
        == "ExitKit: exit handler \"\(way)\" (App/main.c:12) \(Self.passed.dropLast())\(Self.left)")
  }

  @Test(arguments: ways)
  func `after a signal's exit the process dies of the signal`(way: String) throws {
    let outcome = try run(program, ["signal", way])
    #expect(outcome.ending == .signaled(SIGTERM))
    #expect(withoutTime(outcome.errors) == "ExitKit: exit handler \"\(way)\" (App/main.c:12) \(Self.passed)")
  }

  @Test(arguments: ways)
  func `a handler's own limit counts for that handler alone`(way: String) throws {
    let outcome = try run(program, ["limit", way])
    #expect(outcome.ending == .exited(7))
    #expect(outcome.output == "in time\nslow\n")
    let expected =
      "ExitKit: exit handler \"limited\" (App/main.c:34) is stuck after some time: its limit is 0.150 s\(Self.left)"
    #expect(withoutTime(outcome.errors) == expected)
  }

  @Test func `a handler of a nested stack is named, not the stack`() throws {
    let outcome = try run(program, ["nested", "block"])
    #expect(withoutTime(outcome.errors) == "ExitKit: exit handler \"block\" (App/main.c:12) \(Self.passed)")
  }

  @Test func `a handler without a name and a place is told by its object and symbol`() throws {
    #expect(withoutTime(try run(program, ["unnamed"]).errors) == "ExitKit: exit handler deadline!block \(Self.passed)")
  }

  @Test func `a name of any length, with line breaks, makes one line`() throws {
    let name = "n " + String(repeating: "n", count: 118)
    #expect(
      withoutTime(try run(program, ["strange name"]).errors) == "ExitKit: exit handler \"\(name)\" \(Self.passed)")
  }

  @Test func `a handler's name is still known while its captures are released`() throws {
    let outcome = try run(program, ["release"])
    #expect(withoutTime(outcome.errors) == "ExitKit: exit handler \"goes early\" (App/main.c:12) \(Self.passed)")
  }

  @Test func `limits and the deadline are for an exit, not for a run by hand`() throws {
    #expect(try run(program, ["by hand"]) == Outcome(.exited(3), output: "limited\nslow\n"))
  }

  @Test func `a handler that another thread runs by hand is named, too`() throws {
    let outcome = try run(program, ["elsewhere"])
    #expect(outcome.ending == .exited(7))
    #expect(outcome.output == "handler\n")
    #expect(withoutTime(outcome.errors) == "ExitKit: exit handler deadline!work \(Self.passed)")
  }

  @Test func `the deadline covers libc's handlers, too`() throws {
    let expected = "ExitKit: what libc runs at exit is stuck: the deadline of 0.150 s has passed\n"
    #expect(try run(program, ["libc"]) == Outcome(.exited(7), output: "handler\n", errors: expected))
  }

  @Test func `a deadline set by a handler counts from the start of the exit`() throws {
    let expected = "ExitKit: exit handler \"setter\" is stuck: the deadline of 0.150 s has passed\n"
    #expect(try run(program, ["during"]) == Outcome(.exited(7), errors: expected))
  }

  @Test(arguments: ["closed", "broken", "full", "filled"])
  func `a stderr without a reader does not keep the process`(state: String) throws {
    #expect(try run(program, ["no stderr", state]) == Outcome(.exited(7)))
  }

  @Test func `a passed deadline turns status 0 into 124, or into the status that was set`() throws {
    #expect(try run(program, ["success"]).ending == .exited(124))
    #expect(try run(program, ["success", "70"]).ending == .exited(70))
    #expect(try run(program, ["success", "0"]).ending == .exited(0))
  }

  @Test func `the line says how many handlers did not run, and which was next`() throws {
    let left = "; 3 handlers did not run, first of them \"next\" (App/next.c:7)\n"
    let errors = try run(program, ["left"]).errors
    #expect(withoutTime(errors) == "ExitKit: exit handler \"block\" (App/main.c:12) \(Self.passed.dropLast())\(left)")
  }

  /// Stopped for twice the deadline: by a clock that goes on, the deadline ends 20 of 20.
  @Test(.disabled(if: isSanitized, "a sanitizer's process stops slowly"))
  func `time in which the process is stopped does not count`() throws {
    #expect(try run(program, ["stopped"]) == Outcome(.exited(7), output: "waiting\ndone\n"))
  }

  /// With a status that is stored after the deadline's thread is told of the exit, 85 of 100 end with 1.
  @Test func `a deadline that is over before the exit begins keeps the status of the exit`() throws {
    for _ in 0..<40 { #expect(try run(program, ["over before"]).ending == .exited(7)) }
  }

  private func signalled(_ way: String) throws -> Outcome {
    let child = try ChildProcess(program, ["held lock", way])
    #expect(child.waitForOutput("ready") && child.waitUntilMainSleeps())
    child.send(SIGTERM)
    return child.finish()
  }

  @Test func `a stopped main thread goes on when a handler needs its lock`() throws {
    #expect(try signalled("sleep") == Outcome(.signaled(SIGTERM), output: "ready\nhas the lock\n"))
  }

  @Test func `a handler that waits for a lock which main does not unlock is named`() throws {
    let outcome = try signalled("read")
    #expect(outcome.ending == .signaled(SIGTERM))
    #expect(outcome.output == "ready\n")
    #expect(
      withoutTime(outcome.errors)
        == "ExitKit: exit handler \"needs the lock\" (App/main.c:12) \(Self.passed.replacing("150", with: "600"))")
  }

  // With times of 64 bits on a machine of 32 bits the kernel has read a wait of less than a second as none.
  @Test func `no wait of the library is shorter than meant`() throws {
    #expect(try run(program, ["waits"]) == Outcome(.exited(0)))
  }

  @Test func `a negative deadline is refused, and zero removes the deadline`() throws {
    #expect(try run(program, ["bad"]) == Outcome(.exited(3), output: "slow\n"))
  }

  @Test func `a forked child has no deadline until the child sets a deadline`() throws {
    #expect(try run(program, ["child"]) == Outcome(.exited(3), output: "slow\nchild's\nchild: 5\n"))
    let outcome = try run(program, ["child", "sets"])
    #expect(outcome.output == "child: 5\n")
    #expect(outcome.errors.hasPrefix("ExitKit: exit handler deadline!block is stuck after"))
  }
}
