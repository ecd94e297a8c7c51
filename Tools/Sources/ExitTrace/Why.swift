// SPDX-License-Identifier: Apache-2.0

extension Trace {
  /// A sentence: why the first of two handlers runs before the second.
  package func why(_ one: String, _ other: String) throws(TraceError) -> String {
    for name in [one, other] {
      if let sentence = cancellation(name) { return sentence }
    }
    let found = (try find(one), try find(other))
    switch found {
    case (.notRun(let index), _), (_, .notRun(let index)): return missing(notRun[index])
    case (.ran(let first), .ran(let second)):
      return first == second
        ? "\(name(first)) is one handler." : explain(min(first, second), max(first, second))
    }
  }

  private enum Found { case ran(Int), notRun(Int) }

  private func find(_ name: String) throws(TraceError) -> Found {
    for matches in [{ $0 == name }, { (text: String) in text.contains(name) }] {
      let ran = handlers.indices.filter { matches(handlers[$0].span.name) }
      let left = notRun.indices.filter { matches(notRun[$0].name) }
      if ran.count + left.count > 1 {
        throw .ambiguous(name, (ran.map(described) + left.map { notRun[$0].name }).prefix(10).map { $0 })
      }
      if let index = ran.first { return .ran(index) }
      if let index = left.first { return .notRun(index) }
    }
    throw .unknown(name, handlers.prefix(10).map(\.span.name) + notRun.prefix(10).map(\.name))
  }

  // Of a handler that neither ran nor was left at the end.
  private func cancellation(_ name: String) -> String? {
    let known = (handlers.map(\.span.name) + notRun.map(\.name)).contains { $0.contains(name) }
    guard !known, let begin, let cancelled = cancelled.last(where: { $0.name.contains(name) }) else { return nil }
    return "\(printable(cancelled.name)) did not run: the program cancelled it \(moment(cancelled.stamp - begin))."
  }

  private func described(_ index: Int) -> String {
    handlers[index].span.name + (handlers[index].place.map { " (\($0))" } ?? "")
  }

  private func name(_ index: Int) -> String { printable(handlers[index].span.name) }

  private func missing(_ left: NotRun) -> String {
    let reason =
      switch left.why {
      case "cancelled": "its object was alive, or it was cancelled"
      case "refused": "it was registered too late in the exit"
      case "parent's": "it belongs to the process that this one was forked from"
      case "deadline": "the deadline came first"
      case "signal": "a second signal ended the process first"
      default: left.why
      }
    return "\(printable(left.name)) did not run: \(printable(reason))."
  }

  // `first` began before `second`.
  private func explain(_ first: Int, _ second: Int) -> String {
    let names = "\(name(first)) runs before \(name(second))"
    if ancestry(of: second).contains(first) {
      return
        "\(name(second)) runs inside \(name(first)), \(handlers[first].isStack ? "its stack" : "which started it")."
    }
    // Handlers compete with handlers of their own stack: a handler of a nested stack runs at the stack's turn.
    let (upper, lower) = rivals(first, second)
    let via = [(first, upper), (second, lower)].filter { $0.0 != $0.1 }
      .map { "\(name($0.0)) is in \(name($0.1))" }
    let prefix = via.isEmpty ? names : "\(names): \(via.joined(separator: ", ")), and "
    let reason = rule(upper, lower)
    return via.isEmpty ? "\(prefix): \(reason)." : "\(prefix)\(reason)."
  }

  private func rivals(_ first: Int, _ second: Int) -> (Int, Int) {
    let above = Array(ancestry(of: first).reversed()), other = Array(ancestry(of: second).reversed())
    for (left, right) in zip(above, other) where left != right { return (left, right) }
    return (first, second)
  }

  private func rule(_ first: Int, _ second: Int) -> String {
    let one = handlers[first], two = handlers[second]
    if one.span.thread != two.span.thread {
      return "they ran on two threads, \(one.span.thread) and \(two.span.thread), so nothing orders them"
    }
    if one.phase != two.phase {
      let order = Phase.allCases
      let isInOrder = order.firstIndex(of: one.phase)! < order.firstIndex(of: two.phase)!
      return isInOrder
        ? "\(name(first)) has the phase \(one.phase.rawValue), and \(name(second)) the later phase \(two.phase.rawValue)"
        : "\(name(second)) of the phase \(two.phase.rawValue) was registered after \(name(first)) had begun\(when(two))"
    }
    let last = "of one phase the handler that was registered last runs first"
    guard let upper = one.number, let lower = two.number else { return last }
    if upper <= lower { return "\(name(second)) was registered after \(name(first)) had begun\(when(two))" }
    if let newer = one.registration, let older = two.registration, newer.time > older.time {
      return
        "\(last), and \(name(first)), number \(upper), was registered \(duration(newer.time - older.time)) after \(name(second)), number \(lower)"
    }
    return "\(last), and \(name(first)) is number \(upper), \(name(second)) number \(lower)"
  }

  private func when(_ handler: Handler) -> String {
    handler.registration.map { ", \(moment($0.time))" } ?? ""
  }
}
