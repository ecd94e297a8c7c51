// SPDX-License-Identifier: Apache-2.0
//
// Calls of libc's for files and the environment.

internal import CExitShim

extension Shim {
  /// The text of the file; `nil` where the file cannot be read.
  static func contents(of path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = [], part = [UInt8](repeating: 0, count: 1 << 14)
    while case let count = fread(&part, 1, part.count, file), count > 0 { bytes += part[..<count] }
    return ferror(file) == 0 ? String(decoding: bytes, as: UTF8.self) : nil
  }

  /// `nil` where the variable is not set or empty, and in a program with raised privileges.
  static func variable(_ name: String) -> String? {
    guard getuid() == geteuid(), getgid() == getegid(), let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
  }

  static var process: Int32 { getpid() }
}
