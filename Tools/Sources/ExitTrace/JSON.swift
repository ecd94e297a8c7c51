// SPDX-License-Identifier: Apache-2.0

/// A value of JSON.
///
/// A trace has an event a line, so the reader parses one small text at a time.
enum JSON {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  subscript(key: String) -> JSON? {
    if case .object(let members) = self { members[key] } else { nil }
  }
  var text: String? { if case .string(let text) = self { text } else { nil } }
  var number: Double? { if case .number(let number) = self { number } else { nil } }
  var integer: Int? { number.flatMap { Int(exactly: $0) } }

  /// Nil where the bytes are not exactly one value: such as a line that the end of its process cut.
  init?(_ bytes: some Sequence<UInt8>) {
    var parser = JSONParser(bytes: Array(bytes))
    guard let value = parser.value(depth: 0) else { return nil }
    parser.skipSpace()
    guard parser.position == parser.bytes.count else { return nil }
    self = value
  }
}

private struct JSONParser {
  let bytes: [UInt8]
  var position = 0

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func skipSpace() {
    while let byte = next, byte == 0x20 || (0x09...0x0d).contains(byte) { position += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard next == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func take(word: StaticString, _ value: JSON) -> JSON? {
    let matches = word.withUTF8Buffer { bytes[position...].starts(with: $0) }
    guard matches else { return nil }
    position += word.utf8CodeUnitCount
    return value
  }

  mutating func value(depth: Int) -> JSON? {
    skipSpace()
    guard let byte = next, depth < 32 else { return nil }
    return switch Unicode.Scalar(byte) {
    case "{": object(depth)
    case "[": array(depth)
    case "\"": string().map(JSON.string)
    case "t": take(word: "true", .bool(true))
    case "f": take(word: "false", .bool(false))
    case "n": take(word: "null", .null)
    default: number()
    }
  }

  private mutating func object(_ depth: Int) -> JSON? {
    var members: [String: JSON] = [:]
    position += 1
    if take("}") { return .object(members) }
    repeat {
      skipSpace()
      guard let key = string(), take(":"), let member = value(depth: depth + 1) else { return nil }
      members[key] = member
    } while take(",")
    return take("}") ? .object(members) : nil
  }

  private mutating func array(_ depth: Int) -> JSON? {
    var elements: [JSON] = []
    position += 1
    if take("]") { return .array(elements) }
    repeat {
      guard let element = value(depth: depth + 1) else { return nil }
      elements.append(element)
    } while take(",")
    return take("]") ? .array(elements) : nil
  }

  private mutating func number() -> JSON? {
    let start = position
    while let byte = next, (0x30...0x39).contains(byte) || "+-.eE".utf8.contains(byte) { position += 1 }
    return Double(String(decoding: bytes[start..<position], as: UTF8.self)).map(JSON.number)
  }

  private mutating func string() -> String? {
    guard next == UInt8(ascii: "\"") else { return nil }
    position += 1
    var units: [UInt8] = []
    while let byte = next {
      position += 1
      if byte == UInt8(ascii: "\"") { return String(decoding: units, as: UTF8.self) }
      if byte != UInt8(ascii: "\\") {
        units.append(byte)
        continue
      }
      guard let escape = next else { return nil }
      position += 1
      switch Unicode.Scalar(escape) {
      case "\"", "\\", "/": units.append(escape)
      case "n": units.append(0x0a)
      case "t": units.append(0x09)
      case "r": units.append(0x0d)
      case "b": units.append(0x08)
      case "f": units.append(0x0c)
      case "u":
        guard let scalar = escapedScalar() else { return nil }
        units.append(contentsOf: String(scalar).utf8)
      default: return nil
      }
    }
    return nil
  }

  private mutating func hexadecimal() -> UInt32? {
    guard position + 4 <= bytes.count else { return nil }
    defer { position += 4 }
    return UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
  }

  private mutating func escapedScalar() -> Unicode.Scalar? {
    guard let first = hexadecimal() else { return nil }
    guard (0xd800..<0xdc00).contains(first) else { return Unicode.Scalar(first) ?? "\u{fffd}" }
    guard position + 6 <= bytes.count, bytes[position] == UInt8(ascii: "\\"), bytes[position + 1] == UInt8(ascii: "u")
    else { return "\u{fffd}" }
    position += 2
    guard let second = hexadecimal(), (0xdc00..<0xe000).contains(second) else { return "\u{fffd}" }
    return Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
  }
}
