// SPDX-License-Identifier: Apache-2.0

/// The exit of one process, as the process told.
///
/// Times are microseconds since the exit began.
package struct Trace: Sendable {
  package enum Phase: String, Sendable, CaseIterable { case early, normal, late }

  package enum Outcome: Sendable, Equatable {
    case ok
    case failed(String)
    /// The handler ended the thread, or the process.
    case gone
    /// The handler was running when the trace ended: the handler hangs, or the process was killed.
    case stuck
  }

  /// A time in which a thread ran one thing.
  package struct Span: Sendable {
    package var name: String
    package var thread: Int
    package var start: Double
    /// Nil: no end was told.
    package var end: Double?
  }

  /// When the program registered a handler, and as which of its stack.
  package struct Registration: Sendable, Equatable {
    /// Negative: before the exit.
    package var time: Double
    /// In the stack, with the handlers that were pending then.
    ///
    /// The oldest has number 1. Nil: not told.
    package var number: Int?
  }

  package struct Handler: Sendable {
    package var span: Span
    package var place: String?
    package var phase: Phase
    package var stack: String
    package var isStack: Bool
    /// Within the stack; the handler that runs last has number 1.
    ///
    /// Nil: not known.
    package var number: Int?
    /// Nil: a parent process registered the handler, or an older library wrote the trace.
    package var registration: Registration?
    package var outcome: Outcome
    /// The index of the nested stack, or of the handler, in which the handler ran.
    package var parent: Int?
    package var depth: Int
  }

  package struct NotRun: Sendable {
    package var name: String
    package var place: String?
    package var why: String
  }

  /// A handler that the program took back.
  package struct Cancelled: Sendable {
    package var name: String
    /// By the clock of the trace, in microseconds.
    package var stamp: Double
  }

  package var program: String
  package var process: Int
  package var door: String?
  /// The function that called the door, as the core tells: object, symbol and offset.
  package var caller: String?
  package var signal: Int?
  package var sender: Int?
  package var status: Int?
  /// In microseconds.
  package var deadline: Double?
  /// In the order in which they began.
  package var handlers: [Handler] = []
  package var waits: [Span] = []
  package var foreign: [Span] = []
  package var notRun: [NotRun] = []
  /// The first ones: a program may register and cancel without end.
  package var cancelled: [Cancelled] = []
  /// When the exit began, by the clock of the trace.
  ///
  /// Nil: the exit has not begun, and only registrations were told.
  package var begin: Double?
  /// Nil: the process did not come to the end of the exit.
  package var end: Double?
  /// When the process ended, as `exitkit run` adds to the trace.
  ///
  /// Nil: not told.
  package var death: Double?
  /// The signal that ended the process.
  ///
  /// Nil: no signal, or not told.
  package var killer: Int?
  /// The time of the last event.
  package var last = 0.0

  init(process: Int) {
    self.process = process
    program = "process \(process)"
  }

  package func end(of span: Span) -> Double { max(span.end ?? last, span.start) }
  package func time(of handler: Handler) -> Double { end(of: handler.span) - handler.span.start }

  /// No event tells when the span ended: the last event of a killed process is often the very begin of the handler that hung.
  package func isEndUnknown(_ span: Span) -> Bool { span.end == nil && end == nil && death == nil }

  var hasUnknownTimes: Bool { handlers.contains { isEndUnknown($0.span) } }

  /// A question mark where the trace does not tell the time.
  package func timeText(of span: Span) -> String {
    isEndUnknown(span) ? "?" : duration(end(of: span) - span.start)
  }

  /// For a handler without an end: "still running, killed by SIGKILL".
  package var stillRunning: String {
    if let killer { return "still running, killed by \(signalName(killer))" }
    if death != nil && end == nil { return "still running when the process ended" }
    return end != nil ? "still running" : "still running when the trace ends"
  }

  /// A handler of unknown time counts as longer than each handler of known time, and an inner handler as longer than the outer.
  func weight(_ index: Int, _ time: Double) -> Double {
    isEndUnknown(handlers[index].span) ? 1e15 + Double(index) : time
  }

  /// The time of each handler without the handlers inside.
  package func ownTimes() -> [Double] {
    var times = handlers.map(time)
    for handler in handlers {
      if let parent = handler.parent { times[parent] -= time(of: handler) }
    }
    return times.map { max($0, 0) }
  }

  /// The index of the innermost handler of the waiting thread, without nested stacks, which have no bar.
  package func handler(of wait: Span) -> Int? {
    handlers.lastIndex {
      !$0.isStack && $0.span.thread == wait.thread && $0.span.start <= wait.start && wait.start <= end(of: $0.span)
    }
  }

  /// The handler, the nested stack around the handler, the stack around, and so on.
  package func ancestry(of index: Int) -> [Int] {
    Array(sequence(first: index) { handlers[$0].parent })
  }
}
