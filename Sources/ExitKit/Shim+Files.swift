// SPDX-License-Identifier: Apache-2.0
//
// Calls of libc's for files and the environment, and the numbers of signals.

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

  // The system's numbers, which differ between systems and processors.
  static let signals = (
    interrupt: SIGINT, terminate: SIGTERM, hangup: SIGHUP, quit: SIGQUIT, alarm: SIGALRM, pipe: SIGPIPE,
    user1: SIGUSR1, user2: SIGUSR2
  )
  static let signalNames: [Int32: String] = [
    SIGINT: "SIGINT", SIGTERM: "SIGTERM", SIGHUP: "SIGHUP", SIGQUIT: "SIGQUIT", SIGALRM: "SIGALRM", SIGPIPE: "SIGPIPE",
    SIGUSR1: "SIGUSR1", SIGUSR2: "SIGUSR2", SIGKILL: "SIGKILL", SIGSTOP: "SIGSTOP", SIGCHLD: "SIGCHLD",
    SIGCONT: "SIGCONT", SIGTSTP: "SIGTSTP", SIGTTIN: "SIGTTIN", SIGTTOU: "SIGTTOU", SIGURG: "SIGURG",
    SIGWINCH: "SIGWINCH", SIGSEGV: "SIGSEGV", SIGBUS: "SIGBUS", SIGILL: "SIGILL", SIGFPE: "SIGFPE",
    SIGTRAP: "SIGTRAP", SIGABRT: "SIGABRT", SIGSYS: "SIGSYS",
  ]
  static func signalExists(_ number: Int32) -> Bool { sigaction(number, nil, nil) == 0 }
}
