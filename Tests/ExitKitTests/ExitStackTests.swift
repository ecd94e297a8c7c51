// SPDX-License-Identifier: Apache-2.0

import ExitKit
import Testing

@Suite struct ExitStackTests {
  let log = Log()
  let stack = ExitStack("test")

  @Test func `handlers run in reverse order of registration`() {
    for name in ["a", "b", "c"] { stack.register { log.note(name) } }
    stack.run()
    #expect(log.all == ["c", "b", "a"])
    #expect(stack.count == 0)
  }

  @Test func `phases run early before normal before late`() {
    for phase in ExitPhase.allCases {
      for i in 1...2 { stack.register(phase: phase) { log.note("\(phase)\(i)") } }
    }
    stack.run()
    #expect(log.all == ["early2", "early1", "normal2", "normal1", "late2", "late1"])
  }

  @Test func `more handlers than a block of storage holds all run`() {
    for i in 0..<1000 { stack.register { log.note("\(i)") } }
    #expect(stack.count == 1000)
    #expect(stack.run().records.count == 1000)
    #expect(log.all == (0..<1000).reversed().map(String.init))
  }

  @Test func `a handler that a handler registers runs next`() {
    stack.register { log.note("old") }
    stack.register { [stack] in
      stack.register { log.note("next") }
      stack.register(phase: .early) { log.note("early") }
      log.note("first")
    }
    stack.run()
    #expect(log.all == ["first", "early", "next", "old"])
  }

  @Test func `a handler cancels and runs other handlers`() {
    let cancelled = stack.register { log.note("cancelled") }
    let run = stack.register { log.note("run") }
    stack.register {
      log.note("first")
      #expect(cancelled.cancel())
      #expect(run.run())
      #expect(!run.run())
    }
    stack.run()
    #expect(log.all == ["first", "run"])
  }

  @Test func `a handler that runs its own stack runs the rest`() {
    stack.register { log.note("old") }
    stack.register { [stack] in
      #expect(stack.run().records.count == 1)
      log.note("outer")
    }
    #expect(stack.run().records.count == 1)
    #expect(log.all == ["old", "outer"])
  }

  @Test func `a nested stack runs at the place of its making`() {
    stack.register { log.note("before") }
    let nested = stack.nested("module")
    stack.register { log.note("after") }
    nested.register { log.note("n1") }
    nested.register { log.note("n2") }
    #expect(stack.count == 3)
    #expect(nested.count == 2)
    #expect(nested.name == "module")
    stack.run()
    #expect(log.all == ["after", "n2", "n1", "before"])
  }

  @Test func `a nested stack without a reference still runs`() {
    do { stack.nested().register { log.note("nested") } }
    stack.run()
    #expect(log.all == ["nested"])
  }

  @Test func `an empty nested stack without a reference leaves its place`() {
    do {
      let nested = stack.nested()
      nested.register { log.note("nested") }
      nested.run()
      #expect(stack.count == 1)
    }
    #expect(stack.count == 0)
    do { stack.nested().register { log.note("kept") } }
    #expect(stack.count == 1)
    stack.run()
    #expect(log.all == ["nested", "kept"])
  }

  @Test func `a registration on a nested stack that ran places the stack again`() {
    let nested = stack.nested()
    nested.register { log.note("first") }
    stack.run()
    nested.register { log.note("second") }
    #expect(stack.count == 1)
    stack.run()
    #expect(log.all == ["first", "second"])
  }

  @Test func `moved entries run on the other stack, on top and in order`() {
    let other = ExitStack()
    other.register { log.note("other") }
    let a = stack.register { log.note("a") }
    stack.register { log.note("b") }
    stack.register(phase: .late) { log.note("late") }
    #expect(stack.moveAll(to: other) == 3)
    #expect(stack.count == 0)
    #expect(a.isPending)
    other.run()
    #expect(log.all == ["b", "a", "other", "late"])
  }

  @Test func `cancelling everything releases captures and runs nothing`() {
    let nested = stack.nested()
    nested.register { [witness = Witness(log)] in log.note("\(witness)") }
    stack.register { log.note("ran") }
    #expect(stack.cancelAll() == 2)
    #expect(stack.count == 0)
    #expect(nested.count == 0)
    #expect(log.all == ["released"])
  }

  @Test func `handlers are cancelled by name, in nested stacks too`() {
    stack.register(name: "x") { log.note("x") }
    stack.nested().register(name: "x") { log.note("x") }
    stack.register(name: "y") { log.note("y") }
    #expect(stack.cancel(named: "x") == 2)
    #expect(stack.cancel(named: "unknown") == 0)
    stack.run()
    #expect(log.all == ["y"])
  }

  @Test func `the end of a stack cancels its pending entries`() {
    var handler: ExitHandler?
    do {
      let short = ExitStack()
      handler = short.register { [witness = Witness(log)] in log.note("\(witness)") }
      #expect(handler?.isPending == true)
    }
    #expect(handler?.isPending == false)
    #expect(log.all == ["released"])
  }

  @Test func `a context says that the stack was run by hand`() {
    stack.register { exit in log.note("\(exit.reason) \(exit.reason == .run) \(exit.status as Int32?)") }
    stack.run()
    #expect(log.all == ["run true nil"])
  }

  @Test func `arguments are evaluated when registering`() {
    @Sendable func note(_ text: String, _ number: Int) { log.note("\(text)\(number)") }
    @Sendable func fail(_ text: String) throws { throw DiskFull() }
    @Sendable func later(_ text: String) async { log.note(text) }
    var text = "now"
    stack.register(note, text, 1)
    stack.register(name: "named", phase: .early, note, text, 2)
    stack.register(later, text)
    text = "later"
    let failing = stack.register(name: "fails", fail, text)
    #expect(failing.name == "fails")
    stack.onFailure { log.note("\($0.error)") }
    stack.run()
    #expect(log.all == ["now2", "DiskFull()", "now", "now1"])
  }

  @Test func `arguments are released after the run and on cancel`() {
    @Sendable func take(_ witness: Witness) {}
    stack.register(take, Witness(log))
    stack.run()
    #expect(log.all == ["released"])
    stack.register(take, Witness(log)).cancel()
    #expect(log.all == ["released", "released"])
  }

  @Test func `memory is reserved, and a negative count is an error`() throws {
    try ExitStack.process.reserve(1000)
    #expect(throws: ExitError.self) { try ExitStack.process.reserve(-1) }
  }
}
