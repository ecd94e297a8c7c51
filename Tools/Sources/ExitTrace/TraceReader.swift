// SPDX-License-Identifier: Apache-2.0

/// Reads a trace file, all at once or while the file grows: an event a line, in Chrome's trace-event format.
///
/// A line that is no event is passed over, because a process may be killed in a write.
package struct TraceReader {
  /// By process, in the order in which processes appear: a forked child writes to the file of the parent.
  package private(set) var traces: [Trace] = []
  /// Lines that are no event.
  package private(set) var broken = 0
  private var registrations: [Int: [Int: Registration]] = [:]
  private static let mostCancelled = 10_000
  private var open: [Int: [Key: [Int]]] = [:]
  private var rest: [UInt8] = []

  private struct Registration {
    var name: String
    var stamp: Double
    var number: Int?
  }

  private enum Key: Hashable { case handler(Int), wait(Int), foreign }

  package init() {}

  /// The traces of the processes that have begun to exit.
  package static func read(_ bytes: some Sequence<UInt8>) throws(TraceError) -> [Trace] {
    var reader = TraceReader()
    reader.append(bytes)
    reader.finish()
    let begun = reader.traces.filter { $0.begin != nil }
    guard !begun.isEmpty else { throw reader.broken == 0 || !reader.traces.isEmpty ? .empty : .notATrace }
    return begun
  }

  /// An unfinished line waits for the next call.
  package mutating func append(_ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      if byte == UInt8(ascii: "\n") { finish() } else { rest.append(byte) }
    }
  }

  /// The unfinished line is the last one, and is whole.
  package mutating func finish() {
    let line = rest.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "[") }
    let end = line.lastIndex { !" ,\r]".utf8.contains($0) }
    defer { rest.removeAll(keepingCapacity: true) }
    guard let end else { return }
    guard let event = JSON(line[...end]), let kind = event["ph"]?.text, let process = event["pid"]?.integer else {
      broken += 1
      return
    }
    let index = traces.firstIndex { $0.process == process } ?? traces.count
    if index == traces.count { traces.append(Trace(process: process)) }
    take(event, kind, index)
  }

  private mutating func take(_ event: JSON, _ kind: String, _ index: Int) {
    let name = event["name"]?.text ?? "", details = event["args"]
    if kind == "M" {
      if name == "process_name", let program = details?["name"]?.text { traces[index].program = program }
      return
    }
    guard let stamp = event["ts"]?.number, let thread = event["tid"]?.integer else {
      broken += 1
      return
    }
    if event["cat"]?.text == "registration" { return takeRegistration(name, details, index, stamp) }
    let begin = traces[index].begin ?? stamp, time = stamp - begin
    traces[index].begin = begin
    traces[index].last = max(traces[index].last, time)
    let span = Trace.Span(name: name, thread: thread, start: time, end: nil)
    endForeign(index, time)
    switch (event["cat"]?.text, kind) {
    case ("process", "i"):
      traces[index].death = time
      traces[index].killer = details?["signal"]?.integer
      if let status = details?["status"]?.integer { traces[index].status = status }
    case ("exit", "i"): takeExit(name, details, index, time)
    case ("handler", "B"): beginHandler(span, details, index)
    case ("handler", "E"): endHandler(details?["outcome"]?.text, thread, index, time)
    case ("wait", "B"):
      traces[index].waits.append(span)
      push(.wait(thread), traces[index].waits.count - 1, index)
    case ("wait", "E"):
      if let wait = pop(.wait(thread), index) { traces[index].waits[wait].end = time }
    case ("foreign", "B"):
      traces[index].foreign.append(span)
      push(.foreign, traces[index].foreign.count - 1, index)
    case ("failure", "i"):
      guard let handler = open[index]?[.handler(thread)]?.last else { break }
      traces[index].handlers[handler].outcome = .failed(details?["error"]?.text ?? "")
    case ("left", "i"):
      traces[index].notRun.append(
        Trace.NotRun(
          name: details?["handler"]?.text ?? "", place: details?["place"]?.text, why: details?["why"]?.text ?? ""))
    default: break
    }
  }

  // Of a registration that a signal handler made in the middle of an event nothing is told: the name tells the two apart.
  private mutating func takeRegistration(_ name: String, _ details: JSON?, _ index: Int, _ stamp: Double) {
    guard let entry = details?["entry"]?.integer, let handler = details?["handler"]?.text else { return }
    if name == "registered" {
      registrations[index, default: [:]][entry] = Registration(
        name: handler, stamp: stamp, number: details?["number"]?.integer)
    } else {
      registrations[index]?[entry] = nil
      if traces[index].cancelled.count < Self.mostCancelled {
        traces[index].cancelled.append(Trace.Cancelled(name: handler, stamp: stamp))
      }
    }
  }

  private mutating func registration(_ name: String, _ details: JSON?, _ index: Int) -> Trace.Registration? {
    guard let entry = details?["entry"]?.integer, let begin = traces[index].begin,
      let known = registrations[index]?.removeValue(forKey: entry), known.name == name
    else { return nil }
    return Trace.Registration(time: known.stamp - begin, number: known.number)
  }

  // Libc's other handlers run until the next event.
  private mutating func endForeign(_ index: Int, _ time: Double) {
    if let foreign = pop(.foreign, index) { traces[index].foreign[foreign].end = time }
  }

  private mutating func takeExit(_ name: String, _ details: JSON?, _ index: Int, _ time: Double) {
    if let status = details?["status"]?.integer { traces[index].status = status }
    if name == "end" {
      traces[index].end = time
      return
    }
    traces[index].door = details?["door"]?.text
    traces[index].caller = details?["caller"]?.text
    traces[index].signal = details?["signal"]?.integer
    traces[index].sender = details?["sender"]?.integer
    traces[index].deadline = details?["deadline"]?.number.map { $0 * 1_000_000 + time }
  }

  private mutating func beginHandler(_ span: Trace.Span, _ details: JSON?, _ index: Int) {
    let parent = open[index]?[.handler(span.thread)]?.last
    let number = details?["number"]?.integer ?? 0
    traces[index].end = nil  // the exit goes on, with a handler that was registered late
    traces[index].handlers.append(
      Trace.Handler(
        span: span, place: details?["place"]?.text,
        phase: details?["phase"]?.text.flatMap(Trace.Phase.init) ?? .normal,
        stack: details?["stack"]?.text ?? "process", isStack: details?["kind"]?.text == "stack",
        number: number > 0 ? number : nil, registration: registration(span.name, details, index), outcome: .stuck,
        parent: parent,
        depth: parent.map { traces[index].handlers[$0].depth + 1 } ?? 0))
    push(.handler(span.thread), traces[index].handlers.count - 1, index)
  }

  private mutating func endHandler(_ outcome: String?, _ thread: Int, _ index: Int, _ time: Double) {
    guard let handler = pop(.handler(thread), index) else { return }
    traces[index].handlers[handler].span.end = time
    if case .failed = traces[index].handlers[handler].outcome { return }
    traces[index].handlers[handler].outcome =
      switch outcome {
      case "failed": .failed("")
      case "gone": .gone
      default: .ok
      }
  }

  /// The line for the end of the trace, which says when and how the process ended; nil where the process told its end.
  ///
  /// The time is in microseconds, by the clock of the trace.
  package func ending(of process: Int, at time: Double, signal: Int?, status: Int) -> String? {
    guard let index = traces.firstIndex(where: { $0.process == process }), let begin = traces[index].begin else {
      return nil
    }
    // A program that exits by a signal dies right after its last event; a hang of other handlers of libc takes longer.
    if traces[index].end != nil && (signal == nil || time - begin - traces[index].last < 100_000) { return nil }
    let (name, details) = signal.map { ("killed", "\"signal\":\($0)") } ?? ("ended", "\"status\":\(status)")
    return """
      \(rest.isEmpty ? "" : "\n"){"name":"\(name)","cat":"process","ph":"i","s":"p","ts":\(rounded(time, 3)),\
      "pid":\(process),"tid":\(process),"args":{\(details)}},

      """
  }

  private mutating func push(_ key: Key, _ element: Int, _ index: Int) {
    open[index, default: [:]][key, default: []].append(element)
  }

  private mutating func pop(_ key: Key, _ index: Int) -> Int? {
    open[index]?[key]?.popLast()
  }
}

package enum TraceError: Error, Equatable, CustomStringConvertible {
  case empty, notATrace
  case unknown(String, [String])
  case ambiguous(String, [String])

  package var description: String {
    switch self {
    case .empty: "the file is empty: the program has not begun to exit, or ended without exit handlers"
    case .notATrace: "the file is no trace: EXITKIT_TRACE=FILE makes one"
    case .unknown(let name, let names):
      "no handler is called \(printable(name)). The trace has: \(names.map(printable).joined(separator: ", "))"
    case .ambiguous(let name, let names):
      "\(printable(name)) may be each of: \(names.map(printable).joined(separator: ", "))"
    }
  }
}
