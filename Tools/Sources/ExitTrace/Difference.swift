// SPDX-License-Identifier: Apache-2.0

/// What is different in the second of two traces.
package struct Difference {
  /// Other handlers, another order, another outcome or status.
  package private(set) var isOther = false
  package private(set) var lines: [String] = []

  private struct Key: Hashable {
    var stack: String
    var name: String
    var repetition: Int
  }

  package init(from old: Trace, to new: Trace) {
    let before = Self.keys(of: old), after = Self.keys(of: new)
    let place = Dictionary(uniqueKeysWithValues: zip(before, before.indices))
    let known = Set(after)
    for (key, index) in zip(before, before.indices) where !known.contains(key) {
      note("- \(Self.text(key)) (\(old.timeText(of: old.handlers[index].span)))")
    }
    var common: [Int] = []
    for (key, index) in zip(after, after.indices) {
      guard let earlier = place[key] else {
        note("+ \(Self.text(key)) (\(new.timeText(of: new.handlers[index].span)))")
        continue
      }
      common.append(earlier)
    }
    let kept = Set(Self.longestRise(common))
    for earlier in common where !kept.contains(earlier) { note("  \(Self.text(before[earlier])): at another place") }
    for (key, index) in zip(after, after.indices) {
      guard let earlier = place[key] else { continue }
      compare(old, old.handlers[earlier], new, new.handlers[index], Self.text(key))
    }
    let callers = (old.caller.map(functionName), new.caller.map(functionName))
    if let before = callers.0, let after = callers.1, before != after {
      note("  called by: \(printable(before)) → \(printable(after))")
    }
    if old.status != new.status {
      note("  status: \(old.status.map(String.init) ?? "unknown") → \(new.status.map(String.init) ?? "unknown")")
    }
    if !old.hasUnknownTimes && !new.hasUnknownTimes && Self.differs(old.last, new.last) {
      lines.append("  the whole: \(duration(old.last)) → \(duration(new.last))")
    }
  }

  private mutating func note(_ line: String) {
    isOther = true
    lines.append(line)
  }

  private mutating func compare(
    _ old: Trace, _ before: Trace.Handler, _ new: Trace, _ after: Trace.Handler, _ text: String
  ) {
    if before.phase != after.phase { note("  \(text): phase \(before.phase.rawValue) → \(after.phase.rawValue)") }
    if before.outcome != after.outcome {
      note("  \(text): \(Self.word(before.outcome)) → \(Self.word(after.outcome))")
    }
    if old.isEndUnknown(before.span) || new.isEndUnknown(after.span) { return }
    let times = (old.time(of: before), new.time(of: after))
    if Self.differs(times.0, times.1) { lines.append("  \(text): \(duration(times.0)) → \(duration(times.1))") }
  }

  // Two runs of one program never take the same time: a fifth, and a tenth of a millisecond, are noise.
  private static func differs(_ before: Double, _ after: Double) -> Bool {
    abs(after - before) > max(100, min(before, after) / 5)
  }

  private static func word(_ outcome: Trace.Outcome) -> String {
    switch outcome {
    case .ok: "ok"
    case .failed(let error): error.isEmpty ? "failed" : "failed: \(printable(error))"
    case .gone: "ended its thread"
    case .stuck: "still running"
    }
  }

  private static func text(_ key: Key) -> String {
    let name = printable(key.name) + (key.repetition > 0 ? " (\(key.repetition + 1).)" : "")
    return key.stack == "process" ? name : "\(printable(key.stack)) / \(name)"
  }

  private static func keys(of trace: Trace) -> [Key] {
    var seen: [Key: Int] = [:]
    return trace.handlers.map { handler in
      var key = Key(stack: handler.stack, name: handler.span.name, repetition: 0)
      seen[key, default: 0] += 1
      key.repetition = seen[key]! - 1
      return key
    }
  }

  /// The longest rising part of a sequence without repetitions: what stands in the same order in both.
  static func longestRise(_ numbers: [Int]) -> [Int] {
    var ends: [Int] = []  // of the shortest rises of each length: positions in `numbers`
    var before: [Int?] = []
    for (position, number) in numbers.enumerated() {
      var low = 0, high = ends.count
      while low < high {
        let middle = (low + high) / 2
        if numbers[ends[middle]] < number { low = middle + 1 } else { high = middle }
      }
      before.append(low > 0 ? ends[low - 1] : nil)
      if low == ends.count { ends.append(position) } else { ends[low] = position }
    }
    guard let last = ends.last else { return [] }
    return sequence(first: last) { before[$0] }.map { numbers[$0] }.reversed()
  }
}
