// SPDX-License-Identifier: Apache-2.0

import ExitTrace

/// Shows a trace while it grows: a line for each handler that has ended, and on a terminal a line for a handler that runs long.
///
/// Each line is whole, because the program writes to the same terminal at any time.
struct Timeline {
  private(set) var reader = TraceReader()
  private let isCapable = Terminal.isCapable(2), hasColor = Terminal.hasColor(2)
  private let width = Terminal.width(2) ?? 120
  private var heads: Set<Int> = []
  private var shown: [Int: Set<Int>] = [:]
  private var running: (process: Int, handler: Int, since: Double, limit: Double)?
  private static let patience = 500_000.0

  mutating func show(_ bytes: [UInt8]) {
    if bytes.isEmpty { return }
    reader.append(bytes)
    for trace in reader.traces where trace.begin != nil { show(trace) }
  }

  mutating func finish() {
    reader.finish()
    for trace in reader.traces where trace.begin != nil {
      show(trace)
      for handler in trace.handlers where handler.span.end == nil { put(line(handler, trace)) }
      for left in trace.notRun { put("\(pad("", to: 9))  \(printable(left.name)): not run, \(printable(left.why))") }
      put("exitkit: \(printable(trace.program)): \(printable(trace.summary))")
    }
  }

  private mutating func show(_ trace: Trace) {
    if heads.insert(trace.process).inserted {
      put("exitkit: \(printable(trace.program)) (\(trace.process)) exits: \(printable(trace.reason))")
    }
    let known = shown[trace.process, default: []]
    let ended = trace.handlers.indices.filter { trace.handlers[$0].span.end != nil && !known.contains($0) }
    for index in ended.sorted(by: { trace.end(of: trace.handlers[$0].span) < trace.end(of: trace.handlers[$1].span) }) {
      put(line(trace.handlers[index], trace))
    }
    shown[trace.process] = known.union(ended)
  }

  private func line(_ handler: Trace.Handler, _ trace: Trace) -> String {
    let indent = String(repeating: "  ", count: min(handler.depth, 10) + 1)
    let (mark, color) =
      switch handler.outcome {
      case .ok: ("", "")
      case .failed(let error):
        (
          (error.isEmpty ? ": failed" : ": failed: \(printable(error))")
            + (handler.span.end == nil ? ", \(trace.stillRunning)" : ""), "31"
        )
      case .gone: (": ended its thread", "33")
      case .stuck: (": \(trace.stillRunning)", "31")
      }
    let time = pad(trace.timeText(of: handler.span), to: 9, atEnd: false)
    let text = cut("\(time)\(indent)\(printable(handler.span.name))\(mark)", to: width)
    return hasColor && !color.isEmpty ? "\u{1b}[\(color)m\(text)\u{1b}[0m" : text
  }

  /// On a terminal: the innermost handler, when half a second has passed, and again after ten times as long.
  mutating func showLongRunning(_ now: Double) {
    guard isCapable, let trace = reader.traces.last, let index = trace.handlers.lastIndex(where: { $0.span.end == nil })
    else { return running = nil }
    if running?.process != trace.process || running?.handler != index {
      running = (trace.process, index, now, Self.patience)
    }
    guard let known = running, now - known.since >= known.limit else { return }
    let time = pad("> \(duration(known.limit))", to: 9, atEnd: false)
    put(cut("\(time)  \(printable(trace.handlers[index].span.name)): running", to: width))
    running?.limit *= 10
  }

  private func put(_ line: String) { try? write(line + "\n", to: 2) }
}
