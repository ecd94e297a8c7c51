// SPDX-License-Identifier: Apache-2.0

import ExitKit
import Testing

@Suite struct ExitHandlerTests {
  let log = Log()
  let stack = ExitStack()

  @Test func `a handler is pending until the handler has run`() {
    let handler = stack.register { log.note("ran") }
    #expect(handler.isPending)
    #expect(handler.run())
    #expect(!handler.isPending)
    #expect(!handler.run())
    #expect(!handler.cancel())
    #expect(log.all == ["ran"])
  }

  @Test func `a cancelled handler never runs, and its captures are released at once`() {
    let handler = stack.register { [witness = Witness(log)] in log.note("\(witness)") }
    #expect(handler.cancel())
    #expect(log.all == ["released"])
    #expect(!handler.cancel())
    #expect(!handler.run())
    #expect(stack.run().records.isEmpty)
  }

  /// A closure without a name stands in the entry of the process stack, a closure with a name or a limit in a block.
  @Test(arguments: [(nil, nil), ("a name", nil), (nil, Duration.seconds(50)), ("another name", .seconds(50))])
  func `captures of each kind of closure are released once, after the run and on cancel`(
    name: String?, timeout: Duration?
  ) async {
    let log = Log()
    func handlers() -> [ExitHandler] {
      let witness = [Witness(log), Witness(log), Witness(log), Witness(log)]
      return [
        atExit(name: name, timeout: timeout) { [witness = witness[0]] in witness.log.note("ran") },
        atExit(name: name, timeout: timeout) { [witness = witness[1]] (_: ExitContext) in witness.log.note("ran") },
        atExit(name: name, timeout: timeout) { [witness = witness[2]] in
          await Task.yield(); witness.log.note("ran")
        },
        atExit(name: name, timeout: timeout) { [witness = witness[3]] (_: ExitContext) in
          await Task.yield(); witness.log.note("ran")
        },
        atExit(name: name, timeout: timeout, noteOnMain, Witness(log)),
      ]
    }
    for handler in handlers() { #expect(handler.cancel()) }
    #expect(log.all == Array(repeating: "released", count: 5))
    for handler in handlers() { #expect(handler.run()) }
    #expect(log.all.count { $0 == "ran" } == 5)
    // The task of an asynchronous closure may end a little later than the closure.
    for _ in 0..<100_000 where log.all.count(where: { $0 == "released" }) < 10 { await Task.yield() }
    #expect(log.all.count { $0 == "released" } == 10)
  }

  @Test func `captures are released right after the run`() {
    stack.register { log.note("older") }
    stack.register { [witness = Witness(log)] in _ = witness }
    stack.run()
    #expect(log.all == ["released", "older"])
  }

  @Test func `a handler knows its name and its place of registration`() {
    let line: UInt = #line + 1
    let handler = stack.register(name: "flush") {}
    #expect(handler.name == "flush")
    #expect(handler.location == ExitLocation(fileID: #fileID, line: line))
    #expect("\(handler.location)" == "ExitKitTests/ExitHandlerTests.swift:\(line)")
    #expect(stack.register {}.name == nil)
  }

  @Test func `handlers are values that name a registration`() {
    let a = stack.register {}, b = stack.register {}
    #expect(a != b)
    #expect(Set([a, b, a]).count == 2)
  }

  @Test func `a stale handler does not touch a later handler`() {
    let stale = stack.register {}
    stale.cancel()
    for _ in 0..<100 {
      let handler = stack.register {}
      #expect(!stale.isPending)
      #expect(!stale.cancel())
      #expect(handler.cancel())
    }
  }

  @Test func `of many threads exactly one runs a handler`() async {
    for _ in 0..<50 {
      let handler = stack.register { log.note("ran") }
      let winners = await withTaskGroup(of: Bool.self) { group in
        for i in 0..<4 { group.addTask { i.isMultiple(of: 2) ? handler.run() : handler.cancel() } }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(winners == 1)
    }
    #expect(log.all.count <= 50)
  }
}

@MainActor private func noteOnMain(_ witness: Witness) { witness.log.note("ran") }
