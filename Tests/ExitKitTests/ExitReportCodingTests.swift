// SPDX-License-Identifier: Apache-2.0

import ExitKit
import Foundation
import Testing

/// A report that is written by one process and read by another, as a test's attachment is.
@Suite struct ExitReportCodingTests {
  private struct DiskFull: Error {}

  @Test func `a report survives being encoded, with the text of its errors`() throws {
    let stack = ExitStack()
    stack.onFailure { _ in }
    stack.register(name: "flush", file: "App/main.swift", line: 12) { throw DiskFull() }
    stack.register(file: "App/main.swift", line: 13) {}
    let report = stack.run()
    let copy = try JSONDecoder().decode(ExitReport.self, from: JSONEncoder().encode(report))
    #expect("\(copy)" == "\(report)")
    #expect(copy.failures.map(\.description) == report.failures.map(\.description))
    #expect(copy.failures.first?.kind == .thrown)
    #expect(copy.records.map(\.name) == [nil, "flush"])
  }

  @Test func `a failure of an unknown kind is refused by name`() {
    let text = #"{"records":[],"failures":[{"kind":"lost","error":"","name":null}]}"#
    let error = #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(ExitReport.self, from: Data(text.utf8))
    }
    #expect("\(error!)".contains("lost"))
  }
}
