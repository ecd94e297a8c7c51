// SPDX-License-Identifier: Apache-2.0

@_exported import Glibc

/// The bytes of a file; nil where the file cannot be read.
func contents(_ path: String) -> [UInt8]? {
  let file = open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { return nil }
  defer { close(file) }
  var bytes: [UInt8] = [], part = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(file, &part, part.count)
    if count < 0 && errno == EINTR { continue }
    if count < 0 { return nil }
    if count == 0 { return bytes }
    bytes += part[..<count]
  }
}

func lines(of path: String) -> [Substring]? {
  contents(path).map { String(decoding: $0, as: UTF8.self).split(separator: "\n") }
}

/// The kernel's text about a process in /proc/PID/status (proc(5)).
package struct Status {
  private var fields: [String: String] = [:]

  package init(_ lines: [Substring]) {
    for line in lines {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let value = line[line.index(after: colon)...].drop { $0 == "\t" || $0 == " " }
      fields[String(line[..<colon])] = String(value)
    }
  }

  package init?(of process: String) {
    guard let lines = lines(of: "/proc/\(process)/status") else { return nil }
    self.init(lines)
  }

  package func signals(_ field: String) -> Set<Int> {
    Self.signals(fields[field].flatMap { UInt64($0, radix: 16) } ?? 0)
  }

  /// Bit n - 1 stands for signal n.
  static func signals(_ bits: UInt64) -> Set<Int> {
    Set((1...64).filter { bits >> ($0 - 1) & 1 == 1 })
  }

  /// The process is number 1 in its own namespace, such as in a container.
  package var isFirst: Bool { fields["NSpid"]?.split(separator: "\t").last == "1" }
}
