// SPDX-License-Identifier: Apache-2.0

/// The fields of the C core's stacks, as `Sources/CExitShim/copies/layout.c` describes them: version 1, read in its order.
struct Layout {
  typealias Field = (offset: Int, size: Int)

  private let memory: any Memory
  let copy, entries, stacks, process, leaving: UInt64
  let fresh, chunk: Field
  let firstChunk: UInt32
  let entrySize, stackSize: Int
  let function, release, context, name, file, older, epoch, bits: Field
  let kind, phase, inherited, asleepFrom, line: (low: Int, width: Int)
  let newest, parent, count, references, stackName: Field
  let born, owner, status, statusKnown, running, outer, frameEntry, started: Field
  /// Addresses of numbers of 64 bits; nil in a library that does not tell them.
  let deadline, signals: UInt64?
  /// How to show an entry, by the number of its kind; nil in a library that does not tell this.
  private let kinds: (table: UInt64, size: Int, noun: Field, shows: Field)?

  init?(_ memory: any Memory, at address: UInt64) {
    guard let bytes = memory.bytes(at: address, 8), number(bytes, 0, 4) == 1,
      let rest = memory.bytes(at: address, Int(min(number(bytes, 4, 4), 4096)))
    else { return nil }
    var position = 8
    func take(_ size: Int) -> UInt64 {
      defer { position += size }
      return number(rest, position, size)
    }
    func field() -> Field { (Int(take(2)), Int(take(2))) }
    func bit() -> (low: Int, width: Int) { (Int(take(1)), Int(take(1))) }
    self.memory = memory
    (copy, entries, stacks, process, leaving) = (take(8), take(8), take(8), take(8), take(8))
    (fresh, chunk, firstChunk) = (field(), field(), UInt32(take(4)))
    entrySize = Int(take(4))
    (function, context, release, name, file) = (field(), field(), field(), field(), field())
    _ = field()
    older = field()
    _ = field()
    (epoch, bits) = (field(), field())
    _ = bit()
    (kind, phase, inherited, asleepFrom, line) = (bit(), bit(), bit(), bit(), bit())
    _ = bit()
    position = (position + 3) / 4 * 4
    stackSize = Int(take(4))
    newest = field()
    _ = field()
    parent = field()
    count = field()
    _ = (field(), field())
    references = field()
    stackName = field()
    _ = field()
    born = field()
    (owner, status, statusKnown, running) = (field(), field(), field(), field())
    (outer, frameEntry, started) = (field(), field(), field())
    guard position <= rest.count else { return nil }
    position = (position + 7) / 8 * 8
    let hasSettings = position + 16 <= rest.count
    (deadline, signals) = hasSettings ? (take(8), take(8)) : (nil, nil)
    kinds = position + 20 <= rest.count ? (take(8), Int(take(4)), field(), field()) : nil
  }

  func value(_ address: UInt64, _ field: Field) -> UInt64 {
    memory.bytes(at: address &+ UInt64(field.offset), field.size).map { number($0, 0, field.size) } ?? 0
  }

  var isLeader: Bool { value(copy, (8, 4)) != 0 }

  /// The thread that exits; 0: none.
  ///
  /// The two lowest bits of the word say how far the exit is.
  var exiter: UInt64 { value(leaving, owner) & ~3 }

  func stack(_ index: UInt32) -> UInt64 { element(stacks, stackSize, index) }
  func entry(_ index: UInt32) -> UInt64 { element(entries, entrySize, index) }

  private func element(_ slab: UInt64, _ size: Int, _ index: UInt32) -> UInt64 {
    let biased = UInt64(index) + UInt64(firstChunk)
    let place = 63 - max(biased, 1).leadingZeroBitCount
    return value(slab, (chunk.offset + 8 * place, 8)) &+ biased * UInt64(size)
  }

  /// The field with the function that names an entry of this kind, where the symbol of a function does.
  func function(ofKind kind: Int) -> Field? {
    let shows = kinds.map { value($0.table + UInt64($0.size * kind), $0.shows) }
    return shows == 1 ? function : shows == 2 ? release : nil
  }

  /// The word for an entry without a name, such as "closure".
  func noun(ofKind kind: Int) -> String {
    kinds.flatMap { text(value($0.table + UInt64($0.size * kind), $0.noun)) } ?? "closure"
  }

  /// At most 255 bytes; nil for no text.
  func text(_ address: UInt64) -> String? {
    if address == 0 { return nil }
    var bytes: [UInt8] = []
    while bytes.count < 255, let next = memory.bytes(at: address + UInt64(bytes.count), 1), next[0] != 0 {
      bytes += next
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  static func find(in memory: any Memory) -> [Layout] {
    memory.files.flatMap { file -> [Layout] in
      guard let object = Object(file.path) else { return [] }
      return object.notes(of: "CExitShim").filter { $0.kind == 2 && $0.contents.count == 8 }.compactMap { note in
        let way = Int64(Int32(truncatingIfNeeded: number(note.contents, 0, 4)))
        return Layout(memory, at: object.address(note.address, whenMappedAt: file.start) &+ UInt64(bitPattern: way))
      }
    }
  }
}
