// SPDX-License-Identifier: Apache-2.0

/// The text without characters that steer a terminal: a name in a trace comes from the program, and control characters, and those that
/// turn the direction of writing, become question marks.
package func printable(_ text: String) -> String {
  String(
    String.UnicodeScalarView(
      text.unicodeScalars.map { scalar in
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned: "?"
        case .format: scalar == "\u{200d}" ? scalar : "?"
        default: scalar
        }
      }))
}

/// The number of columns that the text takes on a terminal: East Asian characters and emoji take two.
package func columns(of text: String) -> Int {
  text.reduce(0) { $0 + columns(of: $1) }
}

func columns(of character: Character) -> Int {
  guard let first = character.unicodeScalars.first else { return 0 }
  switch first.properties.generalCategory {
  case .nonspacingMark, .enclosingMark, .format: return 0
  default: break
  }
  let value = first.value
  let isWide =
    (0x1100...0x115f).contains(value) || (0x2e80...0xa4cf).contains(value) || (0xac00...0xd7a3).contains(value)
    || (0xf900...0xfaff).contains(value) || (0xfe30...0xfe6f).contains(value) || (0xff00...0xff60).contains(value)
    || (0xffe0...0xffe6).contains(value) || (0x20000...0x3fffd).contains(value)
    || first.properties.isEmojiPresentation || character.unicodeScalars.contains("\u{fe0f}")
  return isWide ? 2 : 1
}

/// The beginning of the text, with an ellipsis where the text has more columns.
package func cut(_ text: String, to width: Int) -> String {
  if columns(of: text) <= width { return text }
  if width < 1 { return "" }
  var taken = "", used = 1
  for character in text {
    used += columns(of: character)
    if used > width { break }
    taken.append(character)
  }
  return taken + "…"
}

/// The text with spaces after it, or before, up to that many columns.
package func pad(_ text: String, to width: Int, atEnd: Bool = true) -> String {
  let spaces = String(repeating: " ", count: max(width - columns(of: text), 0))
  return atEnd ? text + spaces : spaces + text
}

/// Three digits and a unit: "12.3 ms".
package func duration(_ microseconds: Double) -> String {
  switch microseconds {
  case ..<0.9995: "\(rounded(microseconds * 1000, 0)) ns"
  case ..<999.5: "\(digits(microseconds)) µs"
  case ..<999_500: "\(digits(microseconds / 1000)) ms"
  default: "\(digits(microseconds / 1_000_000)) s"
  }
}

/// "12 ms before the exit", "3 ms after the exit began".
func moment(_ time: Double) -> String {
  time < 0 ? "\(duration(-time)) before the exit" : "\(duration(time)) after the exit began"
}

private func digits(_ value: Double) -> String {
  rounded(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0)
}

/// With at most that many decimals, and no zeros at the end.
func rounded(_ value: Double, _ decimals: Int) -> String {
  let scale = [1.0, 10, 100, 1000][decimals]
  let scaled = (value * scale).rounded() / scale
  return scaled == scaled.rounded() && abs(scaled) < 1e15 ? "\(Int(scaled))" : "\(scaled)"
}

/// "1 handler", "3,000 handlers".
package func count(_ number: Int, _ noun: String) -> String {
  "\(grouped(number)) \(noun)\(number == 1 ? "" : "s")"
}

func grouped(_ number: Int) -> String {
  var text = Array(String(number))
  for position in stride(from: text.count - 3, to: 0, by: -3) { text.insert(",", at: position) }
  return String(text)
}
