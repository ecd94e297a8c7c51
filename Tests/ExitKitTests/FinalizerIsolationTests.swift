// SPDX-License-Identifier: Apache-2.0
//
// Finalizers that have to run on an actor, and objects with a deinit that has to.

import ExitKit
import Testing

private actor Desk {
  let log: Log
  init(_ log: Log) { self.log = log }
  func watch(_ thing: Thing, on stack: ExitStack) {
    stack.finalize(thing) {
      self.preconditionIsolated(); self.log.note("on the actor")
    }
  }
}

@MainActor private final class View {
  let log: Log
  nonisolated init(_ log: Log) { self.log = log }
  isolated deinit {
    MainActor.preconditionIsolated()
    log.note("deinit")
  }
}

extension Log {
  /// Waits until there are so many lines.
  func lines(_ count: Int) async -> [String] {
    while all.count < count { await Task.yield() }
    return all
  }
}

@Suite struct FinalizerIsolationTests {
  let log = Log()
  let stack = ExitStack("isolation")

  @MainActor @Test func `a main actor's finalizer runs at once if the object dies on the main thread`() {
    var thing: Thing? = Thing()
    let log = log
    stack.finalize(thing!) {
      MainActor.preconditionIsolated(); log.note("ran")
    }
    drop(&thing)
    #expect(log.all == ["ran"])
  }

  @MainActor @Test func `on another thread the main actor gets the finalizer, which is pending until then`() async {
    let thing = Thing()
    let log = log
    let finalizer = stack.finalize(thing) {
      MainActor.preconditionIsolated(); log.note("ran")
    }
    let dies = Task.detached { [thing = Kept(thing)] in
      thing.object = nil
      log.note("died")
    }
    _ = consume thing
    await dies.value
    #expect(await log.lines(2).sorted() == ["died", "ran"])
    #expect(finalizer.peek() == nil)
  }

  @MainActor @Test func `a stack runs a finalizer that its actor has not run yet`() {
    let thing = Kept(Thing())
    let log = log
    stack.finalize(thing.object!) { log.note("ran") }
    // Not a task: handlers of other tests may have all threads of the pool, and wait for the main actor, which is here.
    inThreads(1) { _ in thing.object = nil }
    #expect(log.all == [])  // this code has the main actor
    #expect(stack.count == 1)
    stack.run()
    #expect(log.all == ["ran"])
  }

  @Test func `an actor's finalizer is handed to the actor`() async {
    let desk = Desk(log)
    var thing: Thing? = Thing()
    await desk.watch(thing!, on: stack)
    drop(&thing)
    #expect(await log.lines(1) == ["on the actor"])
  }

  @Test func `a run of the stack runs a finalizer on its actor, and waits`() async {
    let desk = Desk(log)
    let thing = Thing()
    await desk.watch(thing, on: stack)
    runHere(stack)
    #expect(log.all == ["on the actor"])
    await desk.watch(thing, on: stack)
    let report = await stack.runAsync()
    #expect(report.records.count == 1)
    #expect(log.all == ["on the actor", "on the actor"])
  }

  private func runHere(_ stack: ExitStack) { stack.run() }

  @Test func `a call from another actor runs the finalizer on its actor and brings the result`() async throws {
    let finalizer = await make()
    #expect(try finalizer() == 7)
  }

  @MainActor private func make() -> Finalizer<Thing, Int> {
    let thing = Thing()
    let finalizer = stack.finalize(thing) {
      MainActor.preconditionIsolated(); _ = thing; return 7
    }
    return finalizer
  }

  @Test func `a function with arguments runs on the actor of its isolation`() async {
    var thing: Thing? = Thing()
    await register(thing!)
    drop(&thing)
    #expect(await log.lines(1) == ["1 two"])
  }

  @MainActor private func register(_ thing: Thing) { stack.finalize(thing, note, 1, "two") }
  @MainActor private func note(_ number: Int, _ text: String) {
    MainActor.preconditionIsolated()
    log.note("\(number) \(text)")
  }

  // At once, or put off where another test stands in for the main actor's executor at that time.
  @MainActor @Test func `an object whose deinit is isolated to this actor`() async {
    var view: View? = View(log)
    let log = log
    stack.finalize(view!) { log.note("ran") }
    drop(&view)
    #expect(await log.lines(2) == ["deinit", "ran"])
  }

  @Test func `finalizers follow a deinit that is put off to the main actor, newest first`() async {
    let log = log
    for i in 0..<20 {
      let log = Log()
      var view: View? = View(log)
      stack.finalize(view!) { log.note("first") }
      let finalizer = stack.finalize(view!) { log.note("second") }
      drop(&view)
      #expect(finalizer.peek() == nil)
      #expect(await log.lines(3) == ["deinit", "second", "first"], "\(i)")
    }
    withExtendedLifetime(log) {}
    #expect(stack.count == 0)
  }
}

private final class Kept: @unchecked Sendable {
  var object: Thing?
  init(_ object: Thing) { self.object = object }
}
