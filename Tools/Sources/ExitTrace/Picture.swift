// SPDX-License-Identifier: Apache-2.0

/// The picture of a trace: one SVG that needs nothing else.
///
/// Time goes to the right, a row is a handler, brackets are nested stacks, hatched is waiting, red is failed or stuck.
/// Light or dark, as the reader's system is.
package struct Picture {
  static let width = 1120.0, left = 348.0, right = 24.0, rowHeight = 22.0, barHeight = 12.0
  /// Of one column of monospace text, in rows and in small text.
  static let advance = 7.3, smallAdvance = 6.7

  let trace: Trace
  let rows: [Row]
  /// By the handler on whose bar they are drawn; other waits have a row.
  let waits: [Int: [Trace.Span]]
  let axis: Axis
  let top = 112.0
  var body = ""

  package init(_ trace: Trace) {
    self.trace = trace
    rows = Row.rows(of: trace)
    let held = trace.waits.compactMap { wait in trace.handler(of: wait).map { ($0, wait) } }
    waits = Dictionary(grouping: held) { $0.0 }.mapValues { $0.map(\.1) }
    // A deadline that is far away would make the handlers too small to see.
    let deadline = trace.deadline.flatMap { $0 <= trace.last * 2 ? $0 : nil } ?? 0
    // A bar whose end is not told goes to the edge, past the last event.
    axis = Axis(
      left: Self.left, width: Self.width - Self.left - Self.right,
      length: max(trace.last * (trace.hasUnknownTimes ? 1.25 : 1.01), deadline * 1.01))
  }

  func right(of span: Trace.Span) -> Double {
    trace.isEndUnknown(span) ? Self.width - Self.right : axis.x(trace.end(of: span))
  }

  private var bottom: Double { top + Double(max(rows.count, 1)) * Self.rowHeight }

  package func svg() -> String {
    var picture = self
    picture.drawAxis()
    picture.drawBrackets()
    for (row, position) in zip(rows, rows.indices) { picture.draw(row, top + Double(position) * Self.rowHeight) }
    if rows.isEmpty { picture.text(Self.left, top + 15, "dim", "no handlers", Self.width - Self.left) }
    picture.drawDeadline()
    let height = bottom + 56
    let title = "\(trace.program): \(trace.reason)"
    var head = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(number(Self.width)) \(number(height))\" "
    head += "width=\"\(number(Self.width))\" height=\"\(number(height))\" role=\"img\">\n"
    head +=
      "<title>\(escaped(title)). \(escaped(trace.summary))</title>\n<style>\(Self.style)</style>\n\(Self.patterns)"
    head += "<rect class=\"page\" width=\"100%\" height=\"100%\" rx=\"10\"/>\n"
    picture.drawLegend(bottom + 30)
    return head + picture.heading() + picture.body + "</svg>\n"
  }

  private func heading() -> String {
    var picture = Picture(trace)
    picture.text(24, 36, "title", "\(trace.program): \(trace.reason)", Self.width - 48, advance: 10)
    var line = trace.summary
    if let deadline = trace.deadline {
      line += deadline < trace.last ? ", over the deadline of " : ", deadline "
      line += duration(deadline)
    }
    picture.text(24, 60, "dim", line, Self.width - 48)
    return picture.body
  }

  // ---- Text

  /// Cut where it would be wider than `room`.
  ///
  /// The text is at most that wide in every font, because `textLength` says so.
  mutating func text(
    _ x: Double, _ y: Double, _ style: String, _ text: String, _ room: Double, advance: Double = Self.advance,
    anchor: String? = nil
  ) {
    let shown = cut(printable(text), to: Int(room / advance))
    let end = anchor.map { " text-anchor=\"\($0)\"" } ?? ""
    body += "<text class=\"\(style)\" x=\"\(number(x))\" y=\"\(number(y))\"\(end)>\(escaped(shown))</text>\n"
  }

  func number(_ value: Double) -> String { rounded(value, 1) }

  func escaped(_ text: String) -> String {
    printable(text).reduce(into: "") { result, character in
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: result.append(character)
      }
    }
  }

  // ---- What stands around the rows

  private mutating func drawAxis() {
    for mark in axis.marks {
      let x = number(axis.x(mark))
      body += "<path class=\"grid\" d=\"M\(x) \(number(top - 8))V\(number(bottom))\"/>\n"
      text(axis.x(mark), top - 16, "small dim", mark == 0 ? "0" : duration(mark), 80, anchor: "middle")
    }
  }

  private mutating func drawDeadline() {
    guard let deadline = trace.deadline, deadline <= axis.length else { return }
    let x = axis.x(deadline)
    body += "<path class=\"deadline\" d=\"M\(number(x)) \(number(top - 10))V\(number(bottom))\"/>\n"
  }

  private mutating func drawLegend(_ y: Double) {
    var entries = Trace.Phase.allCases.filter { phase in trace.handlers.contains { $0.phase == phase } }
      .map { ($0.rawValue, "\($0.rawValue) phase") }
    if trace.handlers.contains(where: { if case .failed = $0.outcome { true } else { false } }) {
      entries.append(("bad", "failed"))
    }
    if trace.handlers.contains(where: { $0.outcome == .stuck }) {
      entries.append(("stuck", "still running at the end"))
    }
    if !trace.waits.isEmpty { entries.append(("wait", "waits")) }
    if rows.contains(where: { if case .foreign = $0 { true } else { false } }) {
      entries.append(("foreign", "libc's other handlers"))
    }
    var x = 24.0
    for (style, label) in entries {
      let box =
        style == "wait"
        ? "<rect class=\"normal\" x=\"\(number(x))\" y=\"\(number(y - 9))\" width=\"18\" height=\"10\" rx=\"2\"/>" : ""
      body +=
        box
        + "<rect class=\"\(style)\" x=\"\(number(x))\" y=\"\(number(y - 9))\" width=\"18\" height=\"10\" rx=\"2\"/>\n"
      text(x + 26, y, "small dim", label, 300)
      x += 26 + Double(columns(of: label)) * Self.smallAdvance + 24
    }
    if let deadline = trace.deadline, deadline <= axis.length {
      body += "<path class=\"deadline\" d=\"M\(number(x + 9)) \(number(y - 12))v16\"/>\n"
      text(x + 22, y, "small dim", "deadline, \(duration(deadline))", 300)
    }
  }
}
