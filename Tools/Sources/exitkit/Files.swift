// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What went wrong, for the reader of standard error.
struct Failure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
  init(_ action: String, _ error: Int32) { description = "\(action): \(String(cString: strerror(error)))" }
}

/// The bytes of the file; `-` is standard input.
func contents(of path: String) throws -> [UInt8] {
  let file = path == "-" ? dup(0) : open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { throw Failure("cannot read \(path)", errno) }
  defer { close(file) }
  var bytes: [UInt8] = []
  while true {
    let part = try next(file)
    if part.isEmpty { return bytes }
    bytes += part
  }
}

/// The next bytes of an open file; empty at its end.
func next(_ file: Int32) throws -> [UInt8] {
  try [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
    var length = read(file, buffer.baseAddress, buffer.count)
    while length < 0 && errno == EINTR { length = read(file, buffer.baseAddress, buffer.count) }
    guard length >= 0 else { throw Failure("cannot read", errno) }
    count = length
  }
}

func write(_ text: String, to file: Int32) throws {
  var bytes = Array(text.utf8)[...]
  while !bytes.isEmpty {
    let written = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
    if written < 0 && errno == EINTR { continue }
    guard written >= 0 else { throw Failure("cannot write", errno) }
    bytes = bytes.dropFirst(written)
  }
}

func write(_ text: String, to path: String) throws {
  let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
  guard file >= 0 else { throw Failure("cannot write \(path)", errno) }
  defer { close(file) }
  try write(text, to: file)
}

/// By the clock of the trace.
func microseconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
}

enum Terminal {
  /// The columns of the terminal; nil where the descriptor is none.
  static func width(_ file: Int32) -> Int? {
    var size = winsize()
    guard isatty(file) == 1 else { return nil }
    return ioctl(file, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }

  private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  /// A terminal, and no window of an editor, say.
  static func isCapable(_ file: Int32) -> Bool { isatty(file) == 1 && variable("TERM") ?? "dumb" != "dumb" }

  /// https://no-color.org: any value but the empty one.
  static func hasColor(_ file: Int32) -> Bool { isCapable(file) && (variable("NO_COLOR") ?? "").isEmpty }
}
