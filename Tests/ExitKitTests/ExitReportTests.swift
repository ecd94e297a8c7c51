// SPDX-License-Identifier: Apache-2.0

import ExitKit
import Testing

@Suite struct ExitReportTests {
  let stack = ExitStack("test")

  @Test func `a report has one record for each handler, in the order of running`() throws {
    stack.onFailure { _ in }
    stack.register(name: "first") { spin() }
    stack.nested().register(name: "nested") {}
    stack.register(name: "last") { throw DiskFull() }
    let report = stack.run()
    #expect(report.records.map(\.name) == ["last", "nested", "first"])
    #expect(report.failures.map(\.name) == ["last"])
    guard case .failed(let error) = report.records[0].outcome else { throw DiskFull() }
    #expect(error is DiskFull)
    guard case .succeeded = report.records[2].outcome else { throw DiskFull() }
    #expect(report.records[2].duration >= .milliseconds(2))
    #expect(report.records[2].location?.fileID == #fileID)
  }

  @Test func `an asynchronous run reports the same`() async {
    stack.onFailure { _ in }
    stack.register(name: "first") {}
    stack.nested().register(name: "nested") { await Task.yield() }
    stack.register(name: "last") {
      try await Task.sleep(for: .milliseconds(2)); throw DiskFull()
    }
    let report = await stack.runAsync()
    #expect(report.records.map(\.name) == ["last", "nested", "first"])
    #expect(report.failures.map(\.name) == ["last"])
    #expect(report.records[0].duration >= .milliseconds(2))
  }

  @Test func `an empty stack has an empty report`() async {
    #expect(stack.run().records.isEmpty)
    #expect(await stack.runAsync().records.isEmpty)
  }

  private func spin() {
    let start = ContinuousClock.now
    while ContinuousClock.now - start < .milliseconds(2) {}
  }
}
