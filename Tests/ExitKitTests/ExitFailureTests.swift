// SPDX-License-Identifier: Apache-2.0

import ExitKit
import Testing

@Suite struct ExitFailureTests {
  let log = Log()
  let stack = ExitStack("test")

  @Test func `a failure reads as one line with name, place and error`() {
    stack.onFailure { log.note("\($0)") }
    let line: UInt = #line + 1
    stack.register(name: "flush") { throw DiskFull() }
    stack.register { throw DiskFull() }
    stack.run()
    let place = "ExitKitTests/ExitFailureTests.swift"
    #expect(
      log.all == [
        "ExitKit: error in exit handler (\(place):\(line + 1)): DiskFull()",
        "ExitKit: error in exit handler \"flush\" (\(place):\(line)): DiskFull()",
      ])
  }

  @Test func `an error of several lines is put on one line`() {
    struct Poem: Error, CustomStringConvertible { var description: String { "roses\nviolets\r\nsugar" } }
    stack.onFailure { log.note("\($0)") }
    stack.register { throw Poem() }
    stack.run()
    #expect(log.all.first?.hasSuffix(": roses violets sugar") == true)
  }

  @Test func `a failure keeps no other handler from running`() {
    stack.onFailure { _ in }
    stack.register { log.note("older") }
    stack.register { throw DiskFull() }
    stack.run()
    #expect(log.all == ["older"])
  }

  @Test func `a nested stack without a reporter reports to its parent's`() {
    let nested = stack.nested()
    stack.onFailure { log.note("parent \($0.name ?? "")") }
    nested.register(name: "a") { throw DiskFull() }
    stack.run()
    nested.onFailure { log.note("own \($0.name ?? "")") }
    nested.register(name: "b") { throw DiskFull() }
    stack.run()
    nested.removeFailureReporter()
    nested.register(name: "c") { throw DiskFull() }
    stack.run()
    #expect(log.all == ["parent a", "own b", "parent c"])
  }

  @Test func `a reporter may register and run handlers, and is not called under a lock`() {
    stack.onFailure { [stack] _ in
      log.note("reported")
      stack.register { log.note("registered") }
      stack.onFailure { _ in }
    }
    stack.register { throw DiskFull() }
    stack.run()
    #expect(log.all == ["reported", "registered"])
  }

  @Test func `a handler that is run alone reports, too`() {
    stack.onFailure { log.note($0.name ?? "") }
    #expect(stack.register(name: "alone") { throw DiskFull() }.run())
    #expect(log.all == ["alone"])
  }

  @Test func `a failure has its kind and the error`() throws {
    stack.onFailure { _ in }
    stack.register(name: "flush") { throw DiskFull() }
    let failure = try #require(stack.run().failures.first)
    #expect(failure.kind == .thrown)
    #expect(failure.error is DiskFull)
    #expect(failure.name == "flush")
  }
}
