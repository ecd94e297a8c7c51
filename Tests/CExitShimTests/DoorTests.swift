// SPDX-License-Identifier: Apache-2.0
//
// Ways into the exit, and handlers in an exit.

import ProcessSupport
import Testing

@Suite struct DoorTests {
  @Test func `cexit_exit runs the stack before libc's exit begins`() throws {
    #expect(try fixture("door", ["order", "door"]) == Outcome(.exited(3), lines: "newer", "older", "libc's"))
  }

  @Test func `plain exit runs the stack in its place in libc's list`() throws {
    #expect(try fixture("door", ["order", "exit"]) == Outcome(.exited(3), lines: "libc's", "newer", "older"))
  }

  @Test func `entries that libc's handlers register after a door run next`() throws {
    #expect(try fixture("door", ["late"]) == Outcome(.exited(3), lines: "handler", "libc's registers", "late"))
  }

  @Test(
    .disabled(if: isThreadSanitized, "the status is not known there"),
    arguments: [("door", "door"), ("door", "exit"), ("exit", "door"), ("exit", "exit")])
  func `a handler that exits again loses no other handler, and its status wins`(way: String, again: String) throws {
    #expect(
      try fixture("door", ["again", way, again])
        == Outcome(.exited(8), lines: "exits with 7", "middle", "exits with 8", "oldest", "libc's"))
  }

  @Test(.disabled(if: isSanitized, "frames are larger there"), arguments: ["door", "exit"])
  func `20,000 handlers that each exit again need no deep stack`(again: String) throws {
    let shell = "ulimit -s 512; exec \(try words(compile("door.c"), ["deep", again]).joined(separator: " "))"
    #expect(try run("sh", ["-c", shell]) == Outcome(.exited(4), lines: "left: 0"))
  }

  @Test(
    .disabled(if: isThreadSanitized, "the status is not known there"),
    arguments: [(0, 70, 70), (256, 70, 70), (-512, 70, 70), (1, 70, 1), (0, 256, 0)])
  func `a requested status takes the place of 0 in the wait status`(status: Int, asked: Int, ends: Int32) throws {
    #expect(try fixture("door", ["requested", "\(status)", "\(asked)"]) == Outcome(.exited(ends)))
  }

  @Test(.disabled(if: isThreadSanitized, "the status is not known there"))
  func `a requested status leaves unread input to the next process`() throws {
    #expect(try fixture("door", ["input"]) == Outcome(.exited(0), lines: "0x4600, at byte 1"))
  }

  @Test(.disabled(if: isSanitized, "a sanitizer stands where this program stands in for libc"))
  func `a door does not wait for a thread that has libc's lock and waits at the slot`() throws {
    let locked = try compileObject("door-lock.c", .plain)
    let outcome = try run(
      compile("door.c", .plain.with { $0.libraries.insert(locked, at: 0) }), ["lock", "door"], deadline: 60)
    #expect(outcome.ending == .exited(9))
    #expect(outcome.output.split(separator: "\n").sorted() == ["handler", "libc's begins", "libc's ends"])
  }

  @Test func `a handler that ends its thread loses nothing, also with all thread keys taken`() throws {
    #expect(
      try fixture("door", ["no-keys"]) == Outcome(.exited(7), lines: "ends its thread", "older"))
  }

  @Test func `the end of a thread in a run by hand is noticed when all keys are taken`() throws {
    #expect(try fixture("door", ["no-keys-by-hand"]) == Outcome(.exited(3), lines: "ends its thread", "handler"))
  }

  @Test func `the end of a thread in a run by hand is noticed to the end of the exit`() throws {
    #expect(try fixture("door", ["after-ours"]) == Outcome(.exited(3), lines: "first", "ends its thread", "late"))
  }

  @Test func `quick_exit does not wait for an exit that hangs`() throws {
    #expect(try fixture("door", ["quick"]) == Outcome(.exited(7), lines: "hangs", "quick"))
  }

  @Test func `a child made while another thread exits leaves by a door, its output flushed`() throws {
    let outcome = try fixture("door", ["child"])
    #expect(outcome.ending == .exited(3))
    // musl writes the first line of standard output at once.
    #expect(outcome.output == (isMusl ? "flushed\nchild's\n0x500\n" : "child's\nflushed\n0x500\n"))
  }

  @Test func `an exit whose thread ends unnoticed goes on in a thread that waits`() throws {
    #expect(try fixture("door", ["vanishes"]) == Outcome(.exited(4), lines: "vanishes", "module", "older"))
  }

  // With glibc 2.41 the handler waits for libc's lock, which the other thread has; the status is then the door's.
  @Test func `plain exit in a handler loses nothing while another thread is in libc's exit`() throws {
    let outcome = try fixture("door", ["plain"])
    #expect([.exited(8), .exited(3)].contains(outcome.ending) || isThreadSanitized)
    #expect(outcome.output == "exits plainly\nolder\n")
  }

  @Test(.disabled(if: isSanitized, "a sanitizer's own destructors wait for the loader"), arguments: ["door", "exit"])
  func `a constructor that exits does not keep another thread's exit from ending`(way: String) throws {
    let plugin = try compile("door-plugin.c", .plugin)
    #expect(try fixture("door", ["constructor", plugin, way]) == Outcome(.exited(3), lines: "handler"))
  }

  static let endless = "ExitKit: a million handlers were registered while the process exits: no more are accepted\n"

  @Test func `a handler that registers itself without end is refused some time`() throws {
    #expect(
      try fixture("door", ["endless", "handler"])
        == Outcome(.exited(3), output: "refused\n", errors: Self.endless))
  }

  @Test func `a thread that registers without end does not keep the process`() throws {
    for _ in 0..<5 {
      let outcome = try fixture("door", ["endless", "thread"])
      #expect(outcome.ending == .exited(3))
      #expect(["", Self.endless].contains(outcome.errors))
    }
  }
}
