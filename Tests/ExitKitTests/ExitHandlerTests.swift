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
