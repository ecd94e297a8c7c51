// SPDX-License-Identifier: Apache-2.0
//
// What a stack shows of itself.

import ExitKit
import Testing

@Suite struct EntriesTests {
  @Test func `entries are listed in the order of running, a nested stack before its entries`() {
    let stack = ExitStack("shown"), thing = Thing()
    stack.register(name: "oldest", inForkedChildren: true) {}
    let nested = stack.nested("module")
    nested.register(name: "inner") {}
    stack.finalize(thing, name: "kept") {}.runsAtExit = false
    stack.register(name: "last", phase: .late) {}
    stack.register(phase: .early, file: "App/main.swift", line: 12) {}
    #expect(stack.entries.map(\.name) == [nil, "module", "inner", "oldest", "last", "kept"])
    #expect(stack.entries.map(\.depth) == [0, 0, 1, 0, 0, 0])
    #expect(stack.entries.map(\.phase).prefix(5) == [.early, .normal, .normal, .normal, .late])
    #expect(stack.entries.map(\.isNestedStack) == [false, true, false, false, false, false])
    #expect(stack.entries.map(\.isLeftOut).last == true)
    #expect(stack.entries[3].runsInForkedChildren && !stack.entries[2].runsInForkedChildren)
    #expect(stack.entries[0].location == ExitLocation(fileID: "App/main.swift", line: 12))
    #expect(stack.entries[0].description == "App/main.swift:12, early")
    #expect(stack.entries[1].description.hasPrefix("stack \"module\""))
    stack.cancelAll()
    #expect(stack.entries == [])
  }

  @Test func `each name reads as given: a literal, a short name, and names made at run time`() {
    let made = (0..<200).flatMap { ["made \($0)", "made at run time, number \($0)"] }
    let names = ["an entry of EntriesTests", "EntriesTests", "15 bytes: Größe"] + made
    let handlers =
      [
        atExit(name: "an entry of EntriesTests") {}, atExit(name: "EntriesTests") {},
        atExit(name: "15 bytes: Größe") {},
      ] + made.map { atExit(name: String(decoding: Array($0.utf8), as: UTF8.self)) {} }
    let given = Set(names)
    #expect(ExitStack.process.entries.compactMap(\.name).filter(given.contains) == names.reversed())
    #expect(handlers.map(\.name) == names)
    #expect(names.map { ExitStack.process.cancel(named: $0) } == names.map { _ in 1 })
    #expect(!handlers.contains { $0.isPending })
  }
}
