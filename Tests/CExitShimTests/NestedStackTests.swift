// SPDX-License-Identifier: Apache-2.0
//
// Stacks in stacks, moving between them, and reports of a run, in this process.

import CExitShim
import CExitShim.Binding
import Testing

@Suite struct NestedStackTests {
  let transcript = Transcript()
  let parent = newStack()

  @Test func `a nested stack is one entry: its handlers run together, at the entry's place`() {
    defer { cexit_stack_destroy(parent) }
    transcript.register("parent 1", on: parent)
    let module = newStack(in: parent)
    transcript.register("parent 2", on: parent)
    transcript.register("late in the module", on: module, .late)
    transcript.register("module 1", on: module)
    transcript.register("module 2", on: module)
    #expect(cexit_stack_count(parent) == 3 && cexit_stack_count(module) == 3)
    #expect(cexit_stack_run(parent) == 3)
    #expect(transcript.take() == ["parent 2", "module 2", "module 1", "late in the module", "parent 1"])
    cexit_stack_destroy(module)
  }

  @Test func `a nested stack run by hand keeps its place`() {
    defer { cexit_stack_destroy(parent) }
    let module = newStack(in: parent)
    transcript.register("newer", on: parent)
    transcript.register("one", on: module)
    #expect(cexit_stack_run(module) == 1 && cexit_stack_count(parent) == 2)
    transcript.register("two", on: module)
    #expect(cexit_stack_run(parent) == 2)
    #expect(transcript.take() == ["one", "newer", "two"])
    cexit_stack_destroy(module)
  }

  @Test func `a registration on a nested stack that has run places the stack on top`() {
    defer { cexit_stack_destroy(parent) }
    let module = newStack(in: parent)
    let inner = newStack(in: module)
    cexit_stack_run(parent)
    transcript.register("newer", on: parent)
    transcript.register("inner", on: inner)
    transcript.register("newest", on: parent)
    #expect(cexit_stack_count(parent) == 3 && cexit_stack_count(module) == 1)
    cexit_stack_run(parent)
    #expect(transcript.take() == ["newest", "inner", "newer"])
    cexit_stack_destroy(inner)
    cexit_stack_destroy(module)
  }

  @Test func `clear and cancel by name reach into nested stacks`() {
    defer { cexit_stack_destroy(parent) }
    let module = newStack(in: parent, name: "module")
    transcript.register("a in parent", on: parent, name: "a", onRelease: { _ in })
    transcript.register("a in module", on: module, name: "a", onRelease: { _ in })
    transcript.register("b in module", on: module, name: "b", onRelease: { _ in })
    #expect(cexit_stack_cancel_named(parent, "a") == 2)
    #expect(cexit_stack_cancel_named(parent, "a") == 0)
    #expect(transcript.take() == ["released a in parent", "released a in module"])
    #expect(cexit_stack_cancel_named(parent, "module") == 1)  // with what is in it
    #expect(transcript.take() == ["released b in module"])
    transcript.register("again", on: module, onRelease: { _ in })
    #expect(cexit_stack_count(parent) == 1)
    #expect(cexit_stack_clear(parent) == 1)
    #expect(transcript.take() == ["released again"])
    #expect(cexit_stack_count(module) == 0)
    cexit_stack_destroy(module)
  }

  @Test func `destroying a parent makes its nested stacks standalone`() {
    let module = newStack(in: parent)
    let doomed = newStack(in: parent)
    transcript.register("doomed", on: doomed, onRelease: { _ in })
    transcript.register("module", on: module, onRelease: { _ in })
    cexit_stack_destroy(doomed)
    #expect(transcript.take() == ["released doomed"])
    #expect(cexit_stack_count(parent) == 1)
    cexit_stack_destroy(parent)
    #expect(transcript.take() == ["released module"])
    transcript.register("alone", on: module)
    #expect(transcript.error == 0)
    #expect(cexit_stack_run(module) == 1)
    #expect(transcript.take() == ["alone"])
    cexit_stack_destroy(module)
  }

  @Test func `a released nested stack stays until its run, a released standalone stack goes`() {
    let module = newStack(in: parent)
    transcript.register("module", on: module, onRelease: { _ in })
    cexit_stack_release(module)
    #expect(cexit_stack_count(parent) == 1)
    cexit_stack_run(parent)
    #expect(transcript.take() == ["module", "released module"])
    transcript.register("left", on: parent, onRelease: { _ in })
    cexit_stack_release(parent)
    #expect(transcript.take() == ["released left"])
  }

  @Test func `nothing is nested on a stack that was destroyed`() {
    let parent = parent
    transcript.register("destroys", on: parent) {
      cexit_stack_destroy(parent)
      var nested: OpaquePointer?
      $0.say("\(cexit_stack_nest(parent, nil, &nested) == ECANCELED) \(nested == nil)")
    }
    cexit_stack_run(parent)
    #expect(transcript.take() == ["destroys", "true true"])
  }

  // ---- Moving

  @Test func `moved entries come on top, with their order, phases and handles`() {
    defer { cexit_stack_destroy(parent) }
    let from = newStack()
    transcript.register("late", on: from, .late)
    let one = transcript.register("one", on: from)
    transcript.register("two", on: from)
    transcript.register("early", on: from, .early)
    transcript.register("own", on: parent)
    transcript.register("own late", on: parent, .late)
    #expect(cexit_stack_move(from, parent) == 4)
    #expect(cexit_stack_count(from) == 0 && cexit_stack_count(parent) == 6)
    #expect(cexit_is_pending(one) && cexit_cancel(one))
    cexit_stack_run(parent)
    #expect(transcript.take() == ["early", "two", "own", "late", "own late"])
    cexit_stack_destroy(from)
  }

  @Test func `a moved nested stack belongs to its new parent`() {
    defer { cexit_stack_destroy(parent) }
    let to = newStack()
    let module = newStack(in: parent)
    transcript.register("one", on: module)
    #expect(cexit_stack_move(parent, to) == 1)
    cexit_stack_run(to)
    transcript.register("two", on: module)  // placed anew there
    #expect(cexit_stack_count(to) == 1 && cexit_stack_count(parent) == 0)
    cexit_stack_run(to)
    #expect(transcript.take() == ["one", "two"])
    cexit_stack_destroy(module)
    cexit_stack_destroy(to)
  }

  @Test func `moving never makes a circle: an entry that nests the target stays`() {
    defer { cexit_stack_destroy(parent) }
    let outer = newStack(in: parent)
    let inner = newStack(in: outer)
    transcript.register("parent", on: parent)
    #expect(cexit_stack_move(parent, inner) == 1)
    #expect(cexit_stack_move(outer, inner) == 0)
    #expect(cexit_stack_count(parent) == 1 && cexit_stack_count(outer) == 1 && cexit_stack_count(inner) == 1)
    #expect(cexit_stack_move(inner, parent) == 1)
    cexit_stack_run(parent)
    #expect(transcript.take() == ["parent"])
    cexit_stack_destroy(inner)
    cexit_stack_destroy(outer)
  }

  @Test func `nothing is moved to a stack that was destroyed`() {
    defer { cexit_stack_destroy(parent) }
    let to = newStack()
    let parent = parent
    transcript.register("stays", on: parent)
    transcript.register("destroys", on: to) {
      cexit_stack_destroy(to)
      $0.say("\(cexit_stack_move(parent, to))")
    }
    cexit_stack_run(to)
    #expect(transcript.take() == ["destroys", "0"])
    #expect(cexit_stack_count(parent) == 1)
  }

  // ---- Reports

  private let ignore: cexit_observer = { _, _ in }

  @Test func `an observer is told of each handler, also of a nested stack's, after its run`() {
    defer { cexit_stack_destroy(parent) }
    let module = newStack(in: parent), ignore = ignore
    let observer: cexit_observer = { context, record in
      let transcript = Unmanaged<Transcript>.fromOpaque(context!).takeUnretainedValue()
      let record = record.pointee
      transcript.say("\(String(cString: record.name!)):\(record.line) \(record.outcome == context)")
    }
    transcript.register("one", on: parent, name: "first", line: 262_143, onRelease: { _ in })
    transcript.register("two", on: module, name: "second", line: 262_144) { transcript in
      let outcome = Unmanaged.passUnretained(transcript).toOpaque()
      transcript.say("\(cexit_set_outcome(observer, outcome)) \(cexit_set_outcome(ignore, outcome))")
    }
    let context = Unmanaged.passUnretained(transcript).toOpaque()
    let ran = cexit_stack_run_observed(parent, observer, context)
    #expect(ran == 2)
    #expect(transcript.take() == ["one", "first:262143 false", "released one", "two", "true false", "second:0 true"])
    #expect(!cexit_set_outcome(observer, context))
    cexit_stack_destroy(module)
  }

  @Test func `a run by hand in a handler of an observed run is its own affair`() {
    defer { cexit_stack_destroy(parent) }
    let other = newStack(), ignore = ignore
    transcript.register("other", on: other) { $0.say("\(cexit_set_outcome(ignore, nil))") }
    transcript.register("runs", on: parent) { _ in cexit_stack_run(other) }
    var told = 0
    _ = withUnsafeMutablePointer(to: &told) {
      cexit_stack_run_observed(parent, { context, _ in context!.assumingMemoryBound(to: Int.self).pointee += 1 }, $0)
    }
    #expect(told == 1)
    #expect(transcript.take() == ["runs", "other", "false"])
    cexit_stack_destroy(other)
  }
}
