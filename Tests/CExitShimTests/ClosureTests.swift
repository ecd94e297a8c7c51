// SPDX-License-Identifier: Apache-2.0
//
// Entries that are closures: one function that runs and lets go, in place of two.

import CExitShim
import CExitShim.Binding
import Testing

@Suite struct ClosureTests {
  let transcript = Transcript()
  let stack = newStack()

  /// Registers a closure that prints the reason of each call (0: to let go, 1: to run, 2: as a step); its code is 7.
  private func register(_ flags: UInt32 = 0, on stack: OpaquePointer?) -> (status: CInt, handle: cexit_handler) {
    var entry = cexit_closure_entry(
      { context, code, call in
        let transcript = Unmanaged<Transcript>.fromOpaque(context!).takeUnretainedValue()
        transcript.say("call \(call.rawValue), code \(UInt(bitPattern: code)), step \(cexit_is_step())")
      }, Unmanaged.passUnretained(transcript).toOpaque(), UnsafeMutableRawPointer(bitPattern: 7))
    entry.flags |= flags
    var handle = cexit_handler()
    let status = cexit_register(stack, &entry, &handle)
    return (status, handle)
  }

  @Test func `a closure is called once, to run`() {
    defer { cexit_stack_destroy(stack) }
    let first = register(on: stack).handle
    #expect(register(on: stack).status == 0)
    #expect(cexit_run(first))
    #expect(cexit_stack_run(stack) == 1)
    #expect(!cexit_run(first))
    #expect(transcript.take() == ["call 1, code 7, step false", "call 1, code 7, step false"])
  }

  @Test func `a cancelled closure is called once, to release its captures`() {
    let first = register(on: stack).handle
    #expect(register(on: stack).status == 0)
    #expect(cexit_cancel(first))
    #expect(!cexit_cancel(first))
    #expect(cexit_stack_clear(stack) == 1)
    #expect(register(on: stack).status == 0)
    cexit_stack_destroy(stack)
    #expect(transcript.take() == Array(repeating: "call 0, code 7, step false", count: 3))
  }

  @Test func `a closure in a step is told of the step; handlers that the closure runs are not`() {
    defer { cexit_stack_destroy(stack) }
    let inner = newStack()
    #expect(register(on: inner).status == 0)
    transcript.register("runs", on: stack) { transcript in
      transcript.say("\(cexit_is_step())")
      cexit_stack_run(inner)
    }
    #expect(register(on: stack).status == 0)
    while cexit_stack_step(stack, { _, _ in }, nil) {}
    cexit_stack_destroy(inner)
    #expect(transcript.take() == ["call 2, code 7, step true", "runs", "true", "call 1, code 7, step false"])
  }

  @Test func `a closure that cannot be registered stays the caller's`() {
    defer { cexit_stack_destroy(stack) }
    #expect(register(1 << 31, on: stack).status == EINVAL)
    #expect(transcript.take() == [])
  }
}
