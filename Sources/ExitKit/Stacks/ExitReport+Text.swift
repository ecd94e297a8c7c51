// SPDX-License-Identifier: Apache-2.0

extension ExitRecord: CustomStringConvertible {
  /// One line: how long, how it ended, name and place.
  public var description: String {
    let title = [name.map { "\"\($0)\"" }, location.map { "(\($0))" }].compactMap { $0 }.joined(separator: " ")
    let text = title.isEmpty ? "a handler without a name" : isFinalizer ? "finalizer \(title)" : title
    let ending = if case .failed(let error) = outcome { ": \(error)" } else { "" }
    return "\(duration.inMilliseconds) ms  \(text)\(ending)".onOneLine
  }
}

extension ExitReport: CustomStringConvertible {
  /// A table: one line for each handler that ran, in the order of running, and a last line with the sums.
  public var description: String {
    let times = records.map(\.duration.inMilliseconds)
    let width = times.map(\.count).max() ?? 0
    var lines = zip(records, times).map { record, time in
      String(repeating: " ", count: width - time.count) + record.description
    }
    let total = records.reduce(Duration.zero) { $0 + $1.duration }
    let failed = records.count { if case .failed = $0.outcome { true } else { false } }
    let handlers = records.count == 1 ? "1 handler" : "\(records.count) handlers"
    lines.append("\(handlers) ran in \(total.inMilliseconds) ms, \(failed) failed")
    return lines.joined(separator: "\n")
  }
}

extension Duration {
  /// Milliseconds with three decimals, without Foundation: `1.250`.
  fileprivate var inMilliseconds: String {
    let microseconds = components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
    let rest = "\(microseconds % 1000)"
    return "\(microseconds / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
  }
}
