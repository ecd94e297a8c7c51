// SPDX-License-Identifier: Apache-2.0

import ExitKit
import Foundation
import Testing

/// A report that is written by one process and read by another, as a test's attachment is.
@Suite struct ExitReportCodingTests {
  private struct DiskFull: Error {}
  private final class Thing {}

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

  @Test func `a finalizer that fails is called a finalizer in each report, also a decoded one`()
    async throws
  {
    let thing = Thing(), other = Thing()
    let stack = ExitStack()
    stack.onFailure { _ in }
    stack.register(name: "handler") {}
    stack.finalize(thing, name: "thing", file: "App/main.swift", line: 12) { throw DiskFull() }
    stack.finalize(other, name: "hops", file: "App/main.swift", line: 13) { @MainActor in throw DiskFull() }
    let report = await stack.runAsync()
    let copy = try JSONDecoder().decode(ExitReport.self, from: JSONEncoder().encode(report))
    for report in [report, copy] {
      #expect(report.records.map(\.isFinalizer) == [true, true, false])
      #expect(
        report.failures.map(\.description) == [
          "ExitKit: error in finalizer \"hops\" (App/main.swift:13): DiskFull()",
          "ExitKit: error in finalizer \"thing\" (App/main.swift:12): DiskFull()",
        ])
      let words = "\(report)".split(separator: "\n").map { $0.split(separator: " ").dropFirst(2).prefix(2) }
      #expect(words[0].joined(separator: " ") == "finalizer \"hops\"" && words[2].first == "\"handler\"")
    }
  }

  @Test func `a failure of an unknown kind is refused by name`() {
    let text = #"{"records":[],"failures":[{"kind":"lost","error":"","name":null}]}"#
    let error = #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(ExitReport.self, from: Data(text.utf8))
    }
    #expect("\(error!)".contains("lost"))
  }
}
