// SPDX-License-Identifier: Apache-2.0

import ExitTrace

/// Shows a trace while it grows: a line for each handler that has ended, and on a terminal a last line, overwritten in place,
/// for the handler that is running.
struct Timeline {
  private(set) var reader = TraceReader()
  private let isCapable = Terminal.isCapable(2), hasColor = Terminal.hasColor(2)
  private let width = Terminal.width(2) ?? 120
  private var heads = 0
  private var shown: [Int: Set<Int>] = [:]
  private var hasLiveLine = false

  mutating func show(_ bytes: [UInt8]) {
    if bytes.isEmpty { return }
    reader.append(bytes)
    eraseLiveLine()
    for trace in reader.traces { show(trace) }
    showLiveLine()
  }

  mutating func finish() {
    reader.finish()
    eraseLiveLine()
    for trace in reader.traces {
      show(trace)
      for handler in trace.handlers where handler.outcome == .stuck { put(line(handler, trace)) }
      for left in trace.notRun { put("\(pad("", to: 9))  \(printable(left.name)): not run, \(printable(left.why))") }
      put("exitkit: \(printable(trace.program)): \(printable(trace.summary))")
    }
  }

  private mutating func show(_ trace: Trace) {
    while heads < reader.traces.count {
      let head = reader.traces[heads]
      put("exitkit: \(printable(head.program)) (\(head.process)) exits: \(printable(head.reason))")
      heads += 1
    }
    let known = shown[trace.process, default: []]
    let ended = trace.handlers.indices.filter { trace.handlers[$0].outcome != .stuck && !known.contains($0) }
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
      case .failed(let error): (error.isEmpty ? ": failed" : ": failed: \(printable(error))", "31")
      case .gone: (": ended its thread", "33")
      case .stuck: (": still running", "31")
      }
    let time = pad(duration(trace.time(of: handler)), to: 9, atEnd: false)
    let text = cut("\(time)\(indent)\(printable(handler.span.name))\(mark)", to: width)
    return hasColor && !color.isEmpty ? "\u{1b}[\(color)m\(text)\u{1b}[0m" : text
  }

  // ---- The live line

  private mutating func showLiveLine() {
    guard isCapable, let trace = reader.traces.last, let handler = trace.handlers.last(where: { $0.outcome == .stuck })
    else { return }
    try? write(cut("\(pad("…", to: 9, atEnd: false))  \(printable(handler.span.name))", to: width - 1), to: 2)
    hasLiveLine = true
  }

  private mutating func eraseLiveLine() {
    if hasLiveLine { try? write("\r\u{1b}[K", to: 2) }
    hasLiveLine = false
  }

  private func put(_ line: String) { try? write(line + "\n", to: 2) }
}
