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
}
