// SPDX-License-Identifier: Apache-2.0
//
// The order of handlers at exit: among themselves, against libc's, and by owner.

import ProcessSupport
import Testing

@Suite struct OrderTests {
  @Test(arguments: [["mixed"], ["mixed", "inherited"]])
  func `32 handlers of which some register more leave one exact trace`(arguments: [String]) throws {
    let lines = arguments.count == 1 ? [] : ["child: 0\n"]
    #expect(try fixture("order", arguments) == Outcome(.exited(0), output: lines.joined()))
  }

  @Test func `a handler's registration runs wherever a block of libc's list ends`() throws {
    #expect(try fixture("order", ["boundary"]) == Outcome(.exited(0)))
  }

  @Test(arguments: [1, 31, 32, 33, 64, 256, 65_537])
  func `any number of handlers runs in exact reverse`(count: Int) throws {
    #expect(
      try fixture("order", ["reversed", "\(count)"]) == Outcome(.exited(0), lines: "\(count) ran, 0 left"))
  }

  @Test func `early runs before normal before late, newest first in each`() throws {
    #expect(
      try fixture("order", ["phases"])
        == Outcome(.exited(0), lines: "early 2", "early 1", "normal 2", "normal 1", "late 2", "late 1"))
  }

  @Test func `libc's handlers run before the stack when newer, after the stack when older`() throws {
    #expect(try fixture("order", ["libc"]) == Outcome(.exited(0), output: "123456"))
  }

  @Test func `entries since a mark run before libc's handlers from before the mark`() throws {
    #expect(try fixture("order", ["mark"]) == Outcome(.exited(0), output: "123456"))
  }

  @Test func `a mark does not change the order of the stack`() throws {
    #expect(
      try fixture("order", ["mark-phases"])
        == Outcome(
          .exited(0), lines: "early, before the mark", "since the mark", "6before the mark", "late, before the mark"))
  }

  @Test func `a handler that a handler registers may exit`() throws {
    #expect(try fixture("order", ["exits"]) == Outcome(.exited(1)))
  }

  @Test func `unregister cancels every entry of a function, and no other`() throws {
    #expect(try fixture("order", ["unregister"]) == Outcome(.exited(0)))
  }

  @Test func `a null function is EINVAL, and null stacks mean the process's`() throws {
    #expect(try fixture("order", ["invalid"]) == Outcome(.exited(0), lines: "still works"))
  }

  @Test(unloads) func `entries of two of three owners run when these owners are unloaded`() throws {
    #expect(
      try fixture("order", ["owners"])
        == Outcome(.exited(0), lines: "a 2", "a 1", "a is gone", "c", "c is gone", "plain 2", "b", "plain 1"))
  }

  @Test(unloads) func `entries of two owners that alternate go in their own order`() throws {
    #expect(try fixture("order", ["two-owners"]) == Outcome(.exited(0)))
  }

  @Test(unloads) func `an entry without an owner stays, whichever object is unloaded`() throws {
    let owned = Array(repeating: "owned\n", count: 39).joined()
    #expect(
      try fixture("order", ["nobody"])
        == Outcome(.exited(0), output: "owned\nnext\nunloaded\n" + owned + "left: 1\nnobody's\n"))
  }
}
