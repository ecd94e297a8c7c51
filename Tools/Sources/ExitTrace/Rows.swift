// SPDX-License-Identifier: Apache-2.0

/// The rows of a picture.
///
/// A few handlers have a row each. Of many, the longest, the failed and the stuck keep a row, and the handlers between share
/// a row.
enum Row: Equatable {
  case handler(Int)
  /// A run of handlers in the order in which they began.
  case folded(Range<Int>)
  case wait(Int)
  case foreign(Int)
  case notRun(Int)
  case moreNotRun(Int)

  static let mostHandlers = 60
  private static let longest = 16, mostNotRun = 8

  static func rows(of trace: Trace) -> [Row] {
    var timed: [(start: Double, row: Row)] = handlerRows(of: trace)
    timed += trace.waits.indices.filter { trace.handler(of: trace.waits[$0]) == nil }.map {
      (trace.waits[$0].start, .wait($0))
    }
    timed += trace.foreign.indices.filter { trace.end(of: trace.foreign[$0]) > trace.foreign[$0].start }
      .map { (trace.foreign[$0].start, .foreign($0)) }
    let ordered = timed.enumerated().sorted { ($0.element.start, $0.offset) < ($1.element.start, $1.offset) }
    var rows = ordered.map(\.element.row)
    let left = trace.notRun.count
    let shown = left <= mostNotRun + 1 ? left : mostNotRun
    rows += (0..<shown).map(Row.notRun)
    if left > shown { rows.append(.moreNotRun(left - shown)) }
    return rows
  }

  private static func handlerRows(of trace: Trace) -> [(Double, Row)] {
    let all = trace.handlers.indices
    if all.count <= mostHandlers { return all.map { (trace.handlers[$0].span.start, .handler($0)) } }
    let own = trace.ownTimes()
    var chosen = Set(all.sorted { (own[$0], $1) > (own[$1], $0) }.prefix(longest))
    chosen.formUnion(all.filter { trace.handlers[$0].outcome != .ok }.prefix(longest))
    for index in chosen { chosen.formUnion(trace.ancestry(of: index)) }
    var rows: [(Double, Row)] = []
    var next = 0
    for index in chosen.sorted() + [all.count] {
      if next == index - 1 {
        rows.append((trace.handlers[next].span.start, .handler(next)))
      } else if next < index {
        rows.append((trace.handlers[next].span.start, .folded(next..<index)))
      }
      if index < all.count { rows.append((trace.handlers[index].span.start, .handler(index))) }
      next = index + 1
    }
    return rows
  }
}
