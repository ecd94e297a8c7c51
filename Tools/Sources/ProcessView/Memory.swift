// SPDX-License-Identifier: Apache-2.0

/// The memory of a process that lives, or of a process that left a core file.
package protocol Memory {
  /// Where the beginning of each file is mapped.
  var files: [(path: String, start: UInt64)] { get }
  /// Nil where not all of the bytes are there.
  func bytes(at address: UInt64, _ count: Int) -> [UInt8]?
}

/// Reads /proc/PID/mem, which the kernel allows to those who may trace the process (ptrace(2)).
package struct LiveMemory: Memory {
  package let files: [(path: String, start: UInt64)]
  private let memory: Descriptor

  package init?(_ process: Int) {
    let file = open("/proc/\(process)/mem", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    memory = Descriptor(file)
    guard let maps = lines(of: "/proc/\(process)/maps") else { return nil }
    var files: [(path: String, start: UInt64)] = [], seen: Set<Substring> = []
    for line in maps {
      guard let slash = line.firstIndex(of: "/"), seen.insert(line[slash...]).inserted else { continue }
      let start = UInt64(line.prefix { $0 != "-" }, radix: 16) ?? 0
      files.append(("/proc/\(process)/root\(line[slash...])", start))
    }
    self.files = files
  }

  package func bytes(at address: UInt64, _ count: Int) -> [UInt8]? {
    memory.bytes(at: address, count)
  }
}

/// Reads a core file (core(5)); pages that the kernel left out, because a mapped file has the same, are read from the file.
package struct CoreMemory: Memory {
  package private(set) var files: [(path: String, start: UInt64)] = []
  package private(set) var process = 0
  private let core: Object
  private var mapped: [(range: Range<UInt64>, offset: UInt64, path: String)] = []

  package init?(_ path: String) {
    guard let core = Object(path), core.isCore else { return nil }
    self.core = core
    for note in core.notes(of: "CORE") {
      switch note.kind {
      case 0x4649_4c45: readFiles(note.contents)
      case 3 where note.contents.count >= 28: process = Int(number(note.contents, 24, 4))  // pr_pid of prpsinfo
      default: break
      }
    }
  }

  private mutating func readFiles(_ contents: [UInt8]) {
    let count = Int(clamping: number(contents, 0, 8)), page = number(contents, 8, 8)
    guard count < contents.count / 24 else { return }
    let names = contents[(16 + count * 24)...].split(separator: 0)
    for (index, name) in names.prefix(count).enumerated() {
      let start = number(contents, 16 + index * 24, 8), end = number(contents, 24 + index * 24, 8)
      let path = String(decoding: name, as: UTF8.self), offset = number(contents, 32 + index * 24, 8) &* page
      if start < end { mapped.append((start..<end, offset, path)) }
      if !files.contains(where: { $0.path == path }) { files.append((path, start)) }
    }
  }

  package func bytes(at address: UInt64, _ count: Int) -> [UInt8]? {
    if let bytes = core.bytes(at: address, count) { return bytes }
    guard let place = mapped.first(where: { $0.range.contains(address) }) else { return nil }
    let file = open(place.path, O_RDONLY | O_CLOEXEC)
    return file < 0 ? nil : Descriptor(file).bytes(at: address - place.range.lowerBound + place.offset, count)
  }
}

/// An open file, closed with the last reference.
private final class Descriptor: Sendable {
  private let file: Int32
  init(_ file: Int32) { self.file = file }
  deinit { close(file) }

  func bytes(at position: UInt64, _ count: Int) -> [UInt8]? {
    guard position < UInt64(Int64.max) else { return nil }
    var bytes = [UInt8](repeating: 0, count: count)
    return pread(file, &bytes, count, off_t(position)) == count ? bytes : nil
  }
}

/// A little-endian number; 0 where the bytes end before.
func number(_ bytes: [UInt8], _ offset: Int, _ size: Int) -> UInt64 {
  guard offset >= 0, offset + size <= bytes.count else { return 0 }
  return bytes[offset..<offset + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
}
