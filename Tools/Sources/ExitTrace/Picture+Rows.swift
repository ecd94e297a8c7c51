// SPDX-License-Identifier: Apache-2.0

extension Picture {
  mutating func draw(_ row: Row, _ y: Double) {
    switch row {
    case .handler(let index): draw(handler: index, y)
    case .folded(let handlers): draw(handlers, y)
    case .wait(let index): drawSpan(trace.waits[index], "waits for \(trace.waits[index].name)", "wait", y)
    case .foreign(let index): drawSpan(trace.foreign[index], "libc, \(trace.foreign[index].name)", "foreign", y)
    case .notRun(let index):
      let left = trace.notRun[index]
      label(left.name, place: left.place, depth: 0, style: "off", dot: "hollow", y)
      text(Self.left, y + 15, "small off", "not run: \(left.why)", Self.width - Self.left)
    case .moreNotRun(let count):
      label("and \(grouped(count)) more not run", place: nil, depth: 0, style: "off", dot: nil, y)
    }
  }

  // ---- A handler

  private mutating func draw(handler index: Int, _ y: Double) {
    let handler = trace.handlers[index]
    let name = handler.isStack ? "▾ \(handler.span.name)" : handler.span.name
    body += "<g><title>\(tip(handler).map(escaped).joined(separator: "\n"))</title>\n"
    label(
      name, place: handler.place, depth: handler.depth, style: isBad(handler) ? "red" : "name",
      dot: handler.isStack ? nil : handler.phase.rawValue, y)
    if handler.isStack {
      drawBracket(handler, y)
    } else {
      drawBar(handler.span, style(handler), y)
      for wait in waits[index] ?? [] { rectangle(wait, "wait", y) }
    }
    note(handler.span, after(handler), isBad(handler) ? "small red" : "small dim", y)
    body += "</g>\n"
  }

  private func isBad(_ handler: Trace.Handler) -> Bool {
    switch handler.outcome {
    case .failed, .stuck: true
    case .ok, .gone: false
    }
  }

  private func style(_ handler: Trace.Handler) -> String {
    switch handler.outcome {
    case .failed: "bad"
    case .stuck: "stuck"
    case .ok, .gone: handler.phase.rawValue
    }
  }

  private func after(_ handler: Trace.Handler) -> String {
    let time = trace.timeText(of: handler.span)
    return switch handler.outcome {
    case .ok: time
    case .failed(let error): error.isEmpty ? "\(time), failed" : "\(time), failed: \(error)"
    case .gone: "\(time), ended its thread"
    case .stuck: trace.isEndUnknown(handler.span) ? trace.stillRunning : "\(time), \(trace.stillRunning)"
    }
  }

  private func tip(_ handler: Trace.Handler) -> [String] {
    var lines = [handler.span.name, "\(handler.phase.rawValue) phase, stack \(handler.stack)"]
    if let number = handler.number { lines[1] += ", number \(number)" }
    if let place = handler.place { lines.append(place) }
    if let registration = handler.registration {
      let number = registration.number.map { ", as number \($0)" } ?? ""
      lines.append("registered \(moment(registration.time))\(number)")
    }
    lines.append(
      "\(duration(handler.span.start)) after the exit began, \(after(handler)), thread \(handler.span.thread)")
    return lines
  }

  // ---- Brackets

  /// Light bands under the rows of a nested stack, so that its handlers are seen to belong together.
  mutating func drawBrackets() {
    for (row, position) in zip(rows, rows.indices) {
      guard case .handler(let index) = row, trace.handlers[index].isStack else { continue }
      let last = rows.lastIndex { belongs($0, to: index) } ?? position
      let y = top + Double(position) * Self.rowHeight, end = top + Double(last + 1) * Self.rowHeight
      let span = trace.handlers[index].span, x = axis.x(span.start)
      let width = max(right(of: span) - x, 1)
      body += "<rect class=\"band\" x=\"\(number(x))\" y=\"\(number(y + 5))\" width=\"\(number(width))\" "
      body += "height=\"\(number(end - y - 5))\" rx=\"2\"/>\n"
    }
  }

  private func belongs(_ row: Row, to stack: Int) -> Bool {
    switch row {
    case .handler(let index): trace.ancestry(of: index).contains(stack)
    case .folded(let handlers): trace.ancestry(of: handlers.lowerBound).dropFirst().contains(stack)
    default: false
    }
  }

  private mutating func drawBracket(_ handler: Trace.Handler, _ y: Double) {
    let x = axis.x(handler.span.start), end = max(right(of: handler.span), x + 1)
    let style = isBad(handler) ? "bracket red-line" : "bracket"
    body += "<path class=\"\(style)\" d=\"M\(number(x)) \(number(y + 18))V\(number(y + 11))H\(number(end))"
    body += handler.span.end == nil ? "\"/>\n" : "V\(number(y + 18))\"/>\n"
  }

  // ---- Many in one row

  private mutating func draw(_ handlers: Range<Int>, _ y: Double) {
    let plain = handlers.filter { !trace.handlers[$0].isStack }
    let depth = handlers.map { trace.handlers[$0].depth }.min() ?? 0
    label(count(plain.count, "handler"), place: nil, depth: depth, style: "folded", dot: nil, y)
    for phase in Trace.Phase.allCases {
      let path = merged(plain.filter { trace.handlers[$0].phase == phase }, y)
      if !path.isEmpty { body += "<path class=\"\(phase.rawValue)\" d=\"\(path)\"/>\n" }
    }
    let all = handlers.map { trace.handlers[$0].span }
    let start = all.map(\.start).min() ?? 0, end = all.map { trace.end(of: $0) }.max() ?? 0
    let whole = Trace.Span(name: "", thread: 0, start: start, end: end)
    note(whole, duration(end - start), "small dim", y)
  }

  /// Bars that would be less than half a unit apart are drawn as one.
  private func merged(_ handlers: [Int], _ y: Double) -> String {
    var path = "", open: (start: Double, end: Double)?
    func close() {
      guard let open else { return }
      let width = max(open.end - open.start, 0.7)
      path += "M\(number(open.start)) \(number(y + 5))h\(number(width))v\(number(Self.barHeight))h-\(number(width))z"
    }
    for index in handlers {
      let span = trace.handlers[index].span
      let start = axis.x(span.start), end = right(of: span)
      if let known = open, start - known.end < 0.5 {
        open = (known.start, max(known.end, end))
      } else {
        close()
        open = (start, end)
      }
    }
    close()
    return path
  }

  // ---- Parts

  private mutating func label(
    _ name: String, place: String?, depth: Int, style: String, dot: String?, _ y: Double
  ) {
    let x = 24 + Double(min(depth, 8)) * 14
    if let dot { body += "<circle class=\"\(dot)\" cx=\"\(number(x + 4))\" cy=\"\(number(y + 11))\" r=\"4\"/>\n" }
    let start = dot == nil ? x : x + 16, room = Self.left - 20 - start
    let shown = cut(printable(name), to: Int(room / Self.advance))
    text(start, y + 15, style, shown, room)
    let used = Double(columns(of: shown) + 1) * Self.advance
    guard let place, Int((room - used) / Self.smallAdvance) >= columns(of: place) else { return }
    text(start + used, y + 15, "small place", place, room - used, advance: Self.smallAdvance)
  }

  private mutating func drawSpan(_ span: Trace.Span, _ name: String, _ style: String, _ y: Double) {
    label(name, place: nil, depth: 0, style: "folded", dot: nil, y)
    rectangle(span, style, y)
    note(span, trace.timeText(of: span), "small dim", y)
  }

  private mutating func drawBar(_ span: Trace.Span, _ style: String, _ y: Double) {
    rectangle(span, "bar \(style)", y)
  }

  private mutating func rectangle(_ span: Trace.Span, _ style: String, _ y: Double) {
    let x = axis.x(span.start), width = max(right(of: span) - x, 1.5)
    body += "<rect class=\"\(style)\" x=\"\(number(x))\" y=\"\(number(y + 5))\" width=\"\(number(width))\" "
    body += "height=\"\(number(Self.barHeight))\" rx=\"\(width < 6 ? "0" : "2")\"/>\n"
  }

  /// After the bar; before the bar, where more room is; on the bar, where neither has enough.
  private mutating func note(_ span: Trace.Span, _ words: String, _ style: String, _ y: Double) {
    let start = axis.x(span.start) - 6, end = max(right(of: span), axis.x(span.start) + 1.5) + 6
    let needed = Double(columns(of: words)) * Self.smallAdvance
    let rooms = (before: start - Self.left, after: Self.width - Self.right - end)
    if max(rooms.before, rooms.after) < needed && end - start > needed + 24 {
      text(start + 14, y + 15, "small on", words, end - start - 28, advance: Self.smallAdvance)
    } else if rooms.after >= needed || rooms.after >= rooms.before {
      text(end, y + 15, style, words, rooms.after, advance: Self.smallAdvance)
    } else {
      text(start, y + 15, style, words, rooms.before, advance: Self.smallAdvance, anchor: "end")
    }
  }
}
