// SPDX-License-Identifier: Apache-2.0

extension Trace {
  /// The handlers, the slowest first, by the time of each without the handlers inside; and the longest chain: from the exit
  /// down to one handler, at each level the handler that took longest.
  package func blame(width: Int = 100, most: Int = 20) -> String {
    let times = ownTimes()
    let sorted = handlers.indices.sorted { (weight($0, times[$0]), $1) > (weight($1, times[$1]), $0) }
    let slowest = sorted.prefix(most)
    var lines = ["\(printable(program)): \(printable(reason)); \(printable(summary))", ""]
    let total = max(last, 0.001), longest = max(times.max() ?? 0, 0.001)
    let texts = slowest.map { printable(handlers[$0].span.name) }
    let nameWidth = min(max(texts.map(columns).max() ?? 0, 7), max(width - 50, 16))
    for (index, text) in zip(slowest, texts) {
      let handler = handlers[index]
      let isUnknown = isEndUnknown(handler.span), share = "\(rounded(times[index] / total * 100, 0)) %"
      var line = pad(isUnknown ? "?" : duration(times[index]), to: 8, atEnd: false)
      line += pad(hasUnknownTimes ? "" : share, to: 7, atEnd: false) + "  "
      line += pad(isUnknown ? "" : bar(times[index] / longest, columns: 8), to: 10)
      line += pad(cut(text, to: nameWidth), to: nameWidth)
      line += "  " + pad(handler.phase == .normal ? "" : handler.phase.rawValue, to: 7)
      line += outcomeText(handler.outcome)
      if let place = handler.place { line += printable(place) }
      lines.append(trimmed(cut(line, to: width)))
    }
    if handlers.count > slowest.count {
      let rest = sorted.dropFirst(most).map { times[$0] }
      lines.append("\(pad(duration(rest.reduce(0, +)), to: 8, atEnd: false))         in \(grouped(rest.count)) more")
    }
    let between = last - handlers.filter { $0.parent == nil }.map(time).reduce(0, +)
    if between > last / 100 {
      lines.append("\(pad(duration(between), to: 8, atEnd: false))         between and outside of handlers")
    }
    if let chain = longestChain(), chain.count > 1 {
      let spans = chain.map { handlers[$0].span }
      let names = spans.map { "\(printable($0.name)) \(timeText(of: $0))" }
      lines += ["", "Longest chain: \(names.joined(separator: " → "))"]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// From the outermost handler to the innermost.
  package func longestChain() -> [Int]? {
    var longest: [Int?: Int] = [:]
    for index in handlers.indices {
      let parent = handlers[index].parent
      let weight = weight(index, time(of: handlers[index]))
      if let known = longest[parent], self.weight(known, time(of: handlers[known])) >= weight { continue }
      longest[parent] = index
    }
    guard let first = longest[nil] else { return nil }
    return Array(sequence(first: first) { longest[$0] })
  }

  private func outcomeText(_ outcome: Outcome) -> String {
    switch outcome {
    case .ok: ""
    case .failed(let error): error.isEmpty ? "failed  " : "failed: \(printable(error))  "
    case .gone: "ended its thread  "
    case .stuck: "\(stillRunning)  "
    }
  }
}

func trimmed(_ line: String) -> String {
  String(line.reversed().drop { $0 == " " }.reversed())
}

/// Eighths of a column: "███▌".
func bar(_ share: Double, columns: Int) -> String {
  let eighths = Int((min(max(share, 0), 1) * Double(columns) * 8).rounded())
  let partial = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
  return String(repeating: "█", count: eighths / 8) + partial[eighths % 8]
}
