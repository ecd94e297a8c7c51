// SPDX-License-Identifier: Apache-2.0

import CExitShim
import ExitKit
import Testing

/// The last run of a stack, cancelling by a predicate, and failures that C reports.
@Suite struct ClosedStackTests {
  let log = Log()
  let stack = ExitStack("closed")

  @Test func `close runs pending entries and entries of handlers; then the stack refuses`() {
    stack.onFailure { log.note("\($0)") }
    stack.register { log.note("older") }
    stack.register { [stack] in
      log.note("newer")
      stack.register { log.note("registered by the newer one") }
    }
    #expect(stack.close().records.count == 3)
    #expect(log.all == ["newer", "registered by the newer one", "older"])
    #expect(!stack.register(name: "late") { log.note("never") }.isPending && stack.count == 0)
    #expect(log.all.last?.contains("\"late\"") == true && log.all.last?.contains("was not registered") == true)
  }

  @Test func `a closed stack refuses a finalizer, and the object dies without one`() {
    stack.onFailure { log.note("\($0)") }
    stack.close()
    var object: Log? = Log()
    weak let weakly = object
    #expect(!stack.finalize(object!, name: "late") { log.note("never") }.isAlive)
    object = nil
    #expect(weakly == nil && log.all.count == 1 && log.all[0].contains("\"late\""))
  }

  @Test func `an asynchronous close waits for handlers, and a nested stack is not placed again`() async {
    let nested = stack.nested("nested")
    nested.onFailure { _ in log.note("refused") }
    nested.register {
      await Task.yield(); log.note("asynchronous")
    }
    await nested.closeAsync()
    stack.run()
    nested.register { log.note("never") }
    #expect(stack.count == 0 && log.all == ["asynchronous", "refused"])
  }

  @Test func `cancelAll cancels the entries that a closure wants, in nested stacks, too`() {
    let nested = stack.nested("tmp stack")
    for name in ["tmp 1", "log", "tmp 2"] {
      stack.register(name: name) { log.note(name) }
      nested.register(name: name) { log.note("nested \(name)") }
    }
    #expect(stack.cancelAll { $0.name?.hasPrefix("tmp") == true } == 4)
    #expect(stack.cancelAll { _ in false } == 0)
    stack.run()
    #expect(log.all == ["log", "nested log"])
  }

  @Test func `a failure that C reports is the handler's, in the report and in the channel`() {
    stack.onFailure { log.note("\($0.description) \(($0.error as? ExitError)?.code == .reported)") }
    stack.register(name: "fine") {}
    stack.register(name: "flush") { _ = (cexit_fail("disk full"), cexit_fail("and broken")) }
    let report = stack.run()
    #expect(report.records.map(\.name) == ["flush", "fine"])
    #expect(report.failures.map { "\($0.error)" } == ["disk full", "and broken"])
    #expect(log.all.count == 2 && log.all[0].contains("\"flush\"") && log.all[0].hasSuffix("disk full true"))
  }

  @Test func `the patience between two signals is a setting`() {
    #expect(ExitStack.process.signalPatience == .milliseconds(500))
    ExitStack.process.signalPatience = .seconds(-1)
    #expect(ExitStack.process.signalPatience == .zero)
    ExitStack.process.signalPatience = .seconds(Int64.max)
    #expect(ExitStack.process.signalPatience == .nanoseconds(Int64.max))
    ExitStack.process.signalPatience = .milliseconds(500)
    #expect(ExitStack.process.signalPatience == .milliseconds(500))
  }
}
