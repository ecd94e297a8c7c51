// SPDX-License-Identifier: Apache-2.0
//
// One standalone stack, in this process: order, claims, what a handler may do.
//
// Of the cases for Python's atexit these have a meaning in C and are here or beside: 1 and 31 (order, arguments), 6
// (many), 7 (clear), 10 (a handler that cancels itself), 33 and 13 are one suite here; 8 (unregister), 14 (order at
// exit) in OrderTests, 5 and 34 (exit in a handler) in CWaysOutTests and NestedExitTests, 15 (two images, one list) in
// PluginTests, 16 (threads) in ThreadTests, 17 (a handler starts a thread) in CWaysOutTests, 21 (the end of a part) is a
// nested stack that is run, 22 (no memory) in MemoryTests.
// These have none: 2 (the compiler counts arguments), 3, 4, 32 (a C function cannot fail by itself; Swift closures
// can), 9, 11, 12 (nothing is ever compared by a user's function: cancelling is by handle), 18 to 20 (there are no
// interpreters to tear down; that nothing leaks is MemoryTests').

import CExitShim
import Testing

@Suite struct StackTests {
  let transcript = Transcript()
  let stack = newStack()

  @Test func `handlers run newest first, each with its own context`() {
    defer { cexit_stack_destroy(stack) }
    for text in ["one", "two", "three"] { transcript.register(text, on: stack) }
    #expect(cexit_stack_run(stack) == 3)
    #expect(transcript.take() == ["three", "two", "one"])
    #expect(cexit_stack_run(stack) == 0)
    #expect(transcript.take() == [])
  }

  @Test func `early runs before normal before late, newest first in each`() {
    defer { cexit_stack_destroy(stack) }
    let phases: [(String, CExitPhase)] = [("late", .late), ("normal", .normal), ("early", .early)]
    for round in 1...2 {
      for (name, phase) in phases { transcript.register("\(name) \(round)", on: stack, phase) }
    }
    cexit_stack_run(stack)
    #expect(transcript.take() == ["early 2", "early 1", "normal 2", "normal 1", "late 2", "late 1"])
  }

  @Test func `the same function registered 128 times runs 128 times`() {
    defer { cexit_stack_destroy(stack) }
    var counter = 0
    for _ in 0..<128 { transcript.register("", on: stack) { _ in counter += 1 } }
    #expect(cexit_stack_count(stack) == 128)
    #expect(cexit_stack_run(stack) == 128)
    #expect(counter == 128)
  }

  @Test func `a handler's context is released right after the handler, before the next handler`() {
    defer { cexit_stack_destroy(stack) }
    for text in ["one", "two"] { transcript.register(text, on: stack, onRelease: { _ in }) }
    cexit_stack_run(stack)
    #expect(transcript.take() == ["two", "released two", "one", "released one"])
  }

  @Test func `clear calls no handler, and releases newest first`() {
    defer { cexit_stack_destroy(stack) }
    transcript.register("late", on: stack, .late, onRelease: { _ in })
    for text in ["one", "two"] { transcript.register(text, on: stack, onRelease: { _ in }) }
    #expect(cexit_stack_clear(stack) == 3)
    #expect(transcript.take() == ["released two", "released one", "released late"])
    #expect(cexit_stack_count(stack) == 0)
    #expect(cexit_stack_run(stack) == 0)
  }

  // ---- Handles

  @Test func `cancel wins once, and the handler never runs`() {
    defer { cexit_stack_destroy(stack) }
    let one = transcript.register("one", on: stack)
    let two = transcript.register("two", on: stack, onRelease: { _ in })
    #expect(cexit_is_pending(two))
    #expect(cexit_cancel(two))
    #expect(transcript.take() == ["released two"])
    #expect(!cexit_is_pending(two) && !cexit_cancel(two) && !cexit_run(two))
    #expect(cexit_is_pending(one))
    cexit_stack_run(stack)
    #expect(transcript.take() == ["one"])
    #expect(!cexit_cancel(one))
  }

  @Test func `run by handle runs the handler once, at once`() {
    defer { cexit_stack_destroy(stack) }
    let one = transcript.register("one", on: stack, onRelease: { _ in })
    transcript.register("two", on: stack)
    #expect(cexit_run(one))
    #expect(transcript.take() == ["one", "released one"])
    #expect(!cexit_run(one) && !cexit_cancel(one))
    cexit_stack_run(stack)
    #expect(transcript.take() == ["two"])
  }

  @Test func `a handle is harmless for ever, also when its place is taken again`() {
    defer { cexit_stack_destroy(stack) }
    let stale = transcript.register("stale", on: stack)
    cexit_cancel(stale)
    let fresh = transcript.register("fresh", on: stack)
    #expect(!cexit_cancel(stale) && !cexit_run(stale) && !cexit_is_pending(stale))
    #expect(!cexit_cancel(cexit_handler(raw: 0)) && !cexit_run(cexit_handler(raw: 0)))
    #expect(!cexit_cancel(cexit_handler(raw: .max)) && !cexit_is_pending(cexit_handler(raw: .max)))
    let future = cexit_handler(raw: fresh.raw + 2 << 32)  // the place of `fresh`, with a generation that it never had
    #expect(!cexit_cancel(future) && !cexit_run(future) && !cexit_is_pending(future))
    #expect(cexit_is_pending(fresh))
  }

  @Test func `entries cancelled from the middle leave the rest in order`() {
    defer { cexit_stack_destroy(stack) }
    let handles = (0..<100).map { transcript.register("\($0)", on: stack) }
    for index in stride(from: 1, to: 100, by: 2).shuffled() { #expect(cexit_cancel(handles[index])) }
    for text in ["a", "b"] { transcript.register(text, on: stack) }
    cexit_stack_run(stack)
    #expect(transcript.take() == ["b", "a"] + stride(from: 98, through: 0, by: -2).map { "\($0)" })
  }

  // ---- What a handler may do

  @Test func `an entry that a handler registers runs next, also in an earlier phase`() {
    defer { cexit_stack_destroy(stack) }
    let stack = stack
    transcript.register("late", on: stack, .late) {
      $0.register("early, added late", on: stack, .early)
      $0.register("late, added", on: stack, .late)
    }
    transcript.register("old", on: stack)
    transcript.register("adds", on: stack) {
      $0.register("added first", on: stack)
      $0.register("added to late", on: stack, .late)
      $0.register("added last", on: stack)
    }
    #expect(cexit_stack_run(stack) == 8)
    #expect(
      transcript.take() == [
        "adds", "added last", "added first", "old", "added to late", "late", "early, added late", "late, added",
      ])
  }

  @Test func `a handler may cancel and run other handlers, but not itself`() {
    defer { cexit_stack_destroy(stack) }
    let cancelled = transcript.register("cancelled", on: stack)
    let run = transcript.register("run by another", on: stack)
    transcript.register("old", on: stack)
    var own = cexit_handler()
    own = transcript.register("acts", on: stack) {
      $0.say("\(cexit_is_pending(own)) \(cexit_cancel(own)) \(cexit_run(own))")
      $0.say("\(cexit_cancel(cancelled)) \(cexit_run(run)) \(cexit_run(run))")
    }
    #expect(cexit_stack_run(stack) == 2)
    #expect(
      transcript.take() == ["acts", "false false false", "run by another", "true true false", "old"])
  }

  @Test func `a handler that clears its stack is the last handler to run`() {
    defer { cexit_stack_destroy(stack) }
    let stack = stack
    transcript.register("old", on: stack, onRelease: { _ in })
    transcript.register("clears", on: stack) { $0.say("\(cexit_stack_clear(stack))") }
    #expect(cexit_stack_run(stack) == 1)
    #expect(transcript.take() == ["clears", "released old", "1"])
  }

  @Test func `a run in a handler of the same stack leaves nothing to the outer run`() {
    defer { cexit_stack_destroy(stack) }
    let stack = stack
    for text in ["one", "two"] { transcript.register(text, on: stack) }
    transcript.register("runs", on: stack) { $0.say("\(cexit_stack_run(stack))") }
    #expect(cexit_stack_run(stack) == 1)
    #expect(transcript.take() == ["runs", "two", "one", "2"])
  }

  @Test func `an entry that a release registers runs next`() {
    defer { cexit_stack_destroy(stack) }
    let stack = stack
    transcript.register("old", on: stack)
    transcript.register("new", on: stack, onRelease: { $0.register("by the release", on: stack) })
    #expect(cexit_stack_run(stack) == 3)
    #expect(transcript.take() == ["new", "released new", "by the release", "old"])
  }

  // ---- The end of a stack

  @Test func `destroying runs nothing and cancels the pending entries`() {
    for text in ["one", "two"] { transcript.register(text, on: stack, onRelease: { _ in }) }
    cexit_stack_destroy(stack)
    #expect(transcript.take() == ["released two", "released one"])
  }

  @Test func `a stack that its handler destroys ends after that handler, and takes no more`() {
    let stack = stack
    transcript.register("old", on: stack, onRelease: { _ in })
    transcript.register("destroys", on: stack) {
      cexit_stack_destroy(stack)
      cexit_stack_destroy(stack)
      $0.register("too late", on: stack)
      $0.say("\($0.error == ECANCELED) \(cexit_stack_count(stack))")
    } onRelease: { _ in
    }
    #expect(cexit_stack_run(stack) == 1)
    #expect(transcript.take() == ["destroys", "released old", "true 0", "released destroys"])
  }

  @Test func `a release may destroy the stack that is being cleared`() {
    let stack = stack
    transcript.register("old", on: stack, onRelease: { _ in })
    transcript.register("new", on: stack, onRelease: { _ in cexit_stack_destroy(stack) })
    #expect(cexit_stack_clear(stack) == 2)
    #expect(transcript.take() == ["released new", "released old"])
  }

  @Test func `an empty stack that no thread runs is closed at once, and handles stay good`() {
    defer { cexit_stack_destroy(stack) }
    #expect(cexit_stack_close(stack) == 0 && cexit_stack_close(stack) == 0)
    transcript.register("refused", on: stack)
    #expect(transcript.error == ECANCELED && cexit_stack_count(stack) == 0)
    var nested: OpaquePointer?
    #expect(cexit_stack_nest(stack, nil, &nested) == ECANCELED)
    let other = newStack()
    defer { cexit_stack_destroy(other) }
    let moving = transcript.register("stays", on: other)
    #expect(cexit_stack_move(other, stack) == 0 && cexit_is_pending(moving))
  }

  @Test func `a stack that its handler closes is closed when the run ends, and not before`() {
    defer { cexit_stack_destroy(stack) }
    let stack = stack
    transcript.register("old", on: stack) { $0.register("accepted", on: stack) }
    transcript.register("closes", on: stack) { $0.say("\(cexit_stack_close(stack))") }
    #expect(cexit_stack_run(stack) == 3)
    transcript.register("refused", on: stack)
    #expect(transcript.error == ECANCELED)
    #expect(transcript.take() == ["closes", "0", "old", "accepted"])
  }

  @Test func `a closed stack that was cleared is open until a run has found no entry`() {
    defer { cexit_stack_destroy(stack) }
    transcript.register("cleared", on: stack)
    #expect(cexit_stack_close(stack) == 0 && cexit_stack_clear(stack) == 1)
    transcript.register("last", on: stack)
    #expect(cexit_stack_run(stack) == 1)
    transcript.register("refused", on: stack)
    #expect(transcript.error == ECANCELED && transcript.take() == ["last"])
  }

  @Test func `the stacks of the process are closed by an exit alone`() {
    #expect(cexit_stack_close(nil) == EINVAL && cexit_stack_close(cexit_quick_stack()) == EINVAL)
  }

  // ---- Bad input

  @Test func `an invalid registration is EINVAL, and changes nothing`() {
    defer { cexit_stack_destroy(stack) }
    var handle = cexit_handler(raw: 7)
    var entry = cexit_entry()
    #expect(cexit_register(stack, &entry, &handle) == EINVAL)
    #expect(cexit_register(stack, nil, &handle) == EINVAL)
    entry.function = { _ in }
    entry.flags = 1 << 7
    #expect(cexit_register(stack, &entry, &handle) == EINVAL)
    entry.flags = 0
    withUnsafeMutableBytes(of: &entry.phase) { $0.storeBytes(of: 3, as: UInt32.self) }
    #expect(cexit_register(stack, &entry, &handle) == EINVAL)
    #expect(cexit_stack_create(nil, nil) == EINVAL && cexit_stack_nest(stack, nil, nil) == EINVAL)
    #expect(cexit_stack_cancel_named(stack, nil) == 0 && cexit_stack_move(stack, stack) == 0)
    #expect(cexit_stack_count(stack) == 0 && handle.raw == 7)
  }

  @Test func `the library says the version of its header`() throws {
    #expect(String(cString: try #require(cexit_version())) == CEXIT_VERSION)
    #expect(CEXIT_VERSION == "\(CEXIT_VERSION_MAJOR).\(CEXIT_VERSION_MINOR).\(CEXIT_VERSION_PATCH)")
  }
}
