// SPDX-License-Identifier: Apache-2.0

import ExitKit
import Testing

private actor Counter {
  var count = 0
  func bump(_ step: Int) { preconditionIsolated(); count += step }
  func add(to stack: ExitStack) {
    stack.register { self.bump(1) }
    stack.register {
      await Task.yield(); self.bump(100)
    }
  }
  func runHere(_ stack: ExitStack) { stack.run() }
  func addSync(to stack: ExitStack) { stack.register { self.bump(1) } }
}

@MainActor private final class Model {
  var count = 0
  func bump(_ step: Int) { MainActor.preconditionIsolated(); count += step }
  func add(to stack: ExitStack) {
    stack.register { self.bump(1) }
    stack.register(bump, 10)
    stack.register {
      await Task.yield(); self.bump(100)
    }
    stack.register { exit in self.bump(exit.reason == .run ? 1000 : 0) }
  }
  func runHere(_ stack: ExitStack) { stack.run() }
}

@Suite(.serialized) struct HandlerTests {
  let stack = ExitStack()

  @Test func `handlers isolated to an actor run on the actor, from every kind of run`() async {
    let counter = Counter()
    await counter.add(to: stack)
    detachedRun()
    #expect(await counter.count == 101)
    await counter.add(to: stack)
    await stack.runAsync()
    #expect(await counter.count == 202)
  }

  @Test func `a handler isolated to the actor that runs the stack is called directly`() async {
    let counter = Counter()
    await counter.addSync(to: stack)
    await counter.runHere(stack)
    #expect(await counter.count == 1)
  }

  @Test func `handlers of the main actor run on the main actor when another thread runs`() async {
    let model = Model()
    await model.add(to: stack)
    let report = await stack.runAsync()
    #expect(await model.count == 1111)
    #expect(report.failures.isEmpty)
    await model.add(to: stack)
    #expect(syncRun().failures.isEmpty)
    #expect(await model.count == 2222)
  }

  @Test func `handlers isolated to the main actor run when the main actor runs the stack`() async {
    let model = Model()
    await model.add(to: stack)
    await model.runHere(stack)
    #expect(await model.count == 1111)
  }

  @Test func `a main actor that does not answer is not waited for longer than the grace period`() async {
    let model = Model()
    await model.add(to: stack)
    let before = ExitStack.process.mainActorGracePeriod
    ExitStack.process.mainActorGracePeriod = .milliseconds(20)
    let told = Locked<[ExitFailure]>([])
    stack.onFailure { failure in told.withLock { $0.append(failure) } }
    let (stack, gate) = (stack, Gate())
    async let blocked: Void = MainActor.run { gate.close() }
    await gate.untilClosed()
    let report = await Task.detached { syncRunOf(stack) }.value
    gate.open()
    await blocked
    ExitStack.process.mainActorGracePeriod = before
    #expect(await model.count == 1111)
    #expect(report.failures.count == 4)
    #expect(report.failures.allSatisfy { $0.kind == .offMainActor })
    #expect(told.withLock { $0.count } == 1)
    #expect(report.records.count == 4)
  }

  private func detachedRun() { stack.run() }
  private func syncRun() -> ExitReport { stack.run() }
}

private func syncRunOf(_ stack: ExitStack) -> ExitReport { stack.run() }
