// SPDX-License-Identifier: Apache-2.0

import ExitKit
import Testing

private enum Locals { @TaskLocal static var value = 0 }

@Suite struct ExitStackRunTests {
  let log = Log()
  let stack = ExitStack()

  @Test func `runIfAvailable leaves a stack that another thread runs, and runs a free stack`() async {
    let gate = Gate()
    stack.register(name: "older") { log.note("older") }
    stack.register(name: "held") { gate.close() }
    async let other = Task.detached { [stack] in stack.run() }.value
    await gate.untilClosed()
    #expect(stack.runIfAvailable() == nil && log.all == [])
    gate.open()
    #expect(await other.records.map(\.name) == ["held", "older"])
    stack.register(name: "last") { throw DiskFull() }
    stack.onFailure { log.note($0.name ?? "") }
    stack.register(name: "inside") { [stack] in log.note("\(stack.runIfAvailable()?.records.count ?? -1)") }
    let report = stack.runIfAvailable()
    #expect(report?.records.map(\.name) == ["inside"] && report?.failures.isEmpty == true)
    #expect(log.all == ["older", "last", "1"])
    #expect(stack.runIfAvailable()?.records.count == 0)
  }

  @Test func `a run waits for asynchronous handlers, in order with other handlers`() async {
    stack.register { log.note("sync") }
    stack.register {
      try await Task.sleep(for: .milliseconds(1)); log.note("async")
    }
    await stack.runAsync()
    #expect(log.all == ["async", "sync"])
  }

  @Test func `a run from synchronous code waits for asynchronous handlers, too`() {
    stack.register { log.note("sync") }
    stack.register {
      await withTaskGroup { group in
        for _ in 0..<10 {
          group.addTask {
            try? await Task.sleep(for: .milliseconds(1)); log.note("child")
          }
        }
      }
    }
    stack.register { exit in
      await Task.yield(); log.note("\(exit.reason)")
    }
    stack.run()
    #expect(log.all == ["run"] + Array(repeating: "child", count: 10) + ["sync"])
  }

  @Test func `a handler that a suspended handler registers runs next`() async {
    stack.register { log.note("old") }
    let cancelled = stack.register { log.note("cancelled") }
    stack.register { [stack] in
      await Task.yield()
      stack.register { log.note("next") }
      cancelled.cancel()
    }
    await stack.runAsync()
    #expect(log.all == ["next", "old"])
  }

  @Test func `an asynchronous handler may run a stack by hand`() {
    let inner = ExitStack()
    inner.register {
      await Task.yield(); log.note("inner")
    }
    stack.register {
      await Task.yield(); sync(inner); log.note("outer")
    }
    stack.run()
    #expect(log.all == ["inner", "outer"])
  }

  private func sync(_ stack: ExitStack) { stack.run() }

  @Test func `a cancelled task still runs its handlers to the end, with its local values`() async {
    let task = Task { [stack, log] in
      await Locals.$value.withValue(7) {
        stack.register {
          try await Task.sleep(for: .milliseconds(1)); log.note("value \(Locals.value)")
        }
        withUnsafeCurrentTask { $0?.cancel() }
        await stack.runAsync()
      }
    }
    await task.value
    #expect(log.all == ["value 7"])
  }

  @Test func `a scope runs its handlers on the way out and gives the result`() {
    let result = withExitStack { stack in
      stack.register { log.note("handler") }
      log.note("body")
      return 3
    }
    #expect(result == 3)
    #expect(log.all == ["body", "handler"])
  }

  /// A body of one expression gives what that gives: a handler here, which nobody wants.
  @Test func `the result of a scope may be left unused`() async {
    await withExitStack { stack in stack.register { log.note("handler") } }
    await withExitStack { stack in
      await Task.yield()
      return stack.register { log.note("asynchronous") }
    }
    #expect(log.all == ["handler", "asynchronous"])
  }

  @Test func `a scope runs its handlers when the body throws, and the error keeps its type`() {
    func scope() throws(DiskFull) {
      try withExitStack { (stack) throws(DiskFull) in
        stack.register { log.note("handler") }
        throw DiskFull()
      }
    }
    #expect(throws: DiskFull.self) { try scope() }
    #expect(log.all == ["handler"])
  }

  @Test func `an asynchronous scope awaits asynchronous handlers`() async {
    await #expect(throws: DiskFull.self) {
      try await withExitStack { stack in
        stack.register {
          await Task.yield(); log.note("handler")
        }
        await Task.yield()
        log.note("body")
        throw DiskFull()
      }
    }
    #expect(log.all == ["body", "handler"])
  }

  @MainActor @Test func `a scope on the main actor may use its state without a hop`() async {
    var state = 0
    await withExitStack { stack in
      state += 1
      await Task.yield()
      stack.register { @MainActor in
        MainActor.assertIsolated(); log.note("handler")
      }
    }
    #expect(state == 1)
    #expect(log.all == ["handler"])
  }
}
