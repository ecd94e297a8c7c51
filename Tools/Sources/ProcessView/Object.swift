// SPDX-License-Identifier: Apache-2.0

/// An ELF file, as far as a look at a program needs the file: 64 bits, little-endian.
package struct Object {
  package let path: String
  private let bytes: [UInt8]
  private var segments: [(kind: UInt32, offset: Int, address: UInt64, size: Int)] = []
  /// The names of the libraries that the object asks for.
  package private(set) var needed: [String] = []
  /// Folders in which the object wants them looked for.
  package private(set) var folders: [String] = []

  package struct Note {
    package let kind: UInt32
    package let address: UInt64
    package let contents: [UInt8]
  }

  /// Nil: no such file, or no ELF file.
  package init?(_ path: String) {
    guard let bytes = contents(path), bytes.count > 64, bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]) else {
      return nil
    }
    self.path = path
    self.bytes = bytes
    guard let table: UInt64 = value(at: 32), let size: UInt16 = value(at: 54), let count: UInt16 = value(at: 56) else {
      return nil
    }
    for index in 0..<Int(count) {
      let header = Int(clamping: table) &+ index * Int(size)
      guard let kind: UInt32 = value(at: header), let offset: UInt64 = value(at: header + 8),
        let address: UInt64 = value(at: header + 16), let length: UInt64 = value(at: header + 32)
      else { continue }
      segments.append((kind, Int(clamping: offset), address, Int(clamping: length)))
    }
    readDynamic()
  }

  private func value<Number: FixedWidthInteger>(at offset: Int) -> Number? {
    let size = MemoryLayout<Number>.size
    guard offset >= 0, offset <= bytes.count - size else { return nil }
    return bytes[offset..<offset + size].reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
  }

  private func offset(of address: UInt64) -> Int? {
    for segment in segments where segment.kind == 1 && address >= segment.address {
      let distance = address - segment.address
      if distance < UInt64(segment.size) { return segment.offset + Int(distance) }
    }
    return nil
  }

  private mutating func readDynamic() {
    guard let dynamic = segments.first(where: { $0.kind == 2 }) else { return }
    var entries: [(tag: UInt64, value: UInt64)] = []
    for position in stride(from: dynamic.offset, to: dynamic.offset &+ dynamic.size, by: 16) {
      guard let tag: UInt64 = value(at: position), tag != 0, let value: UInt64 = value(at: position + 8) else { break }
      entries.append((tag, value))
    }
    guard let names = entries.first(where: { $0.tag == 5 }).flatMap({ offset(of: $0.value) }) else { return }
    needed = entries.filter { $0.tag == 1 }.compactMap { text(at: names &+ Int(clamping: $0.value)) }
    let origin = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    folders = entries.filter { $0.tag == 15 || $0.tag == 29 }.compactMap { text(at: names &+ Int(clamping: $0.value)) }
      .flatMap { $0.split(separator: ":") }
      .map { String($0).replacing("${ORIGIN}", with: origin).replacing("$ORIGIN", with: origin) }
  }

  private func text(at offset: Int) -> String? {
    guard bytes.indices.contains(offset) else { return nil }
    return String(decoding: bytes[offset...].prefix { $0 != 0 }, as: UTF8.self)
  }

  /// The notes of the owner.
  package func notes(of owner: String) -> [Note] {
    var found: [Note] = []
    for segment in segments where segment.kind == 4 {
      var position = segment.offset
      while position < segment.offset &+ segment.size, let name: UInt32 = value(at: position),
        let size: UInt32 = value(at: position + 4), let kind: UInt32 = value(at: position + 8)
      {
        let start = position + 12 + (Int(name) + 3) / 4 * 4, end = start + Int(size)
        guard end <= bytes.count else { break }
        if text(at: position + 12) == owner && Int(name) == owner.utf8.count + 1 {
          let address = segment.address + UInt64(start - segment.offset)
          found.append(Note(kind: kind, address: address, contents: Array(bytes[start..<end])))
        }
        position = (end + 3) / 4 * 4
      }
    }
    return found
  }

  /// The kernel maps an object that moves from its address 0 on; other objects have fixed addresses.
  package func address(_ address: UInt64, whenMappedAt start: UInt64) -> UInt64 {
    let lowest = segments.filter { $0.kind == 1 }.map { $0.address & ~0xfff }.min() ?? 0
    return address &+ start &- lowest
  }

  package var isCore: Bool { value(at: 16) == 4 as UInt16 }

  /// From the contents of the file; nil where the file does not have all of the bytes.
  package func bytes(at address: UInt64, _ count: Int) -> [UInt8]? {
    for segment in segments where segment.kind == 1 && address >= segment.address {
      let distance = address - segment.address
      guard distance + UInt64(count) <= UInt64(segment.size) else { continue }
      let start = segment.offset + Int(distance)
      return start + count <= bytes.count ? Array(bytes[start..<start + count]) : nil
    }
    return nil
  }

  /// The name of the function that has the address.
  package func symbol(at address: UInt64) -> String? {
    guard let table: UInt64 = value(at: 40), let size: UInt16 = value(at: 58), let count: UInt16 = value(at: 60) else {
      return nil
    }
    for index in 0..<Int(count) {
      let header = Int(clamping: table) &+ index * Int(size)
      guard let kind: UInt32 = value(at: header + 4), kind == 2 || kind == 11,
        let start: UInt64 = value(at: header + 24), let length: UInt64 = value(at: header + 32),
        let names: UInt32 = value(at: header + 40),
        let strings: UInt64 = value(at: Int(clamping: table) &+ Int(names) * Int(size) + 24)
      else { continue }
      for symbol in stride(from: Int(clamping: start), to: Int(clamping: start &+ length), by: 24) {
        guard let name: UInt32 = value(at: symbol), let flags: UInt8 = value(at: symbol + 4), flags & 15 == 2,
          let begin: UInt64 = value(at: symbol + 8), let size: UInt64 = value(at: symbol + 16)
        else { continue }
        if begin <= address && address - begin < size { return text(at: Int(clamping: strings) &+ Int(name)) }
      }
    }
    return nil
  }

  /// Each copy of the C core in the object: the address of its description, and the version of the sharing.
  package var copies: [(address: UInt64, sharing: UInt32)] {
    notes(of: "CExitShim").filter { $0.kind == 1 && $0.contents.count == 4 }.compactMap { note in
      let way = note.contents.reversed().reduce(Int32(0)) { $0 << 8 | Int32($1) }
      let address = note.address &+ UInt64(bitPattern: Int64(way))
      guard let place = offset(of: address), let sharing: UInt32 = value(at: place) else { return nil }
      return (address, sharing)
    }
  }

  package func contains(_ text: String) -> Bool { end(of: text) != nil }

  /// The numbers after `prefix`, as far as digits and dots go.
  package func version(after prefix: String) -> [Int]? {
    guard let start = end(of: prefix) else { return nil }
    let digits = bytes[start...].prefix { (0x30...0x39).contains($0) || $0 == 0x2e }
    return String(decoding: digits, as: UTF8.self).split(separator: ".").compactMap { Int($0) }
  }

  // Where the first occurrence of the text ends.
  private func end(of text: String) -> Int? {
    let pattern = Array(text.utf8)
    return bytes.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return nil }
      var position = 0
      while position <= bytes.count - pattern.count,
        let found = memchr(start + position, Int32(pattern[0]), bytes.count - pattern.count - position + 1)
      {
        position = UnsafeRawPointer(found) - start
        if memcmp(found, pattern, pattern.count) == 0 { return position + pattern.count }
        position += 1
      }
      return nil
    }
  }
}
