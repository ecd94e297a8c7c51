// SPDX-License-Identifier: Apache-2.0

/// A signal of the system, by its number, which is the same on every processor that Swift runs Linux on.
public struct ExitSignal: RawRepresentable, Sendable, Hashable {
  /// The number of the signal.
  public let rawValue: Int32

  /// Names the signal of that number, which need not exist.
  public init(rawValue: Int32) { self.rawValue = rawValue }

  /// `SIGINT`: Ctrl-C.
  public static let interrupt = ExitSignal(rawValue: 2)
  /// `SIGTERM`: the usual request to end.
  public static let terminate = ExitSignal(rawValue: 15)
  /// `SIGHUP`: the terminal is gone.
  public static let hangup = ExitSignal(rawValue: 1)
  /// `SIGQUIT`: Ctrl and the backslash; the process leaves a core dump where the system is set up for it.
  public static let quit = ExitSignal(rawValue: 3)
  /// `SIGALRM`: a timer has run out.
  public static let alarm = ExitSignal(rawValue: 14)
  /// `SIGPIPE`: a write to a pipe that nobody reads.
  public static let pipe = ExitSignal(rawValue: 13)
  /// `SIGUSR1`.
  public static let user1 = ExitSignal(rawValue: 10)
  /// `SIGUSR2`.
  public static let user2 = ExitSignal(rawValue: 12)
}

extension ExitSignal: CustomStringConvertible {
  /// The system's name for it, such as `SIGTERM`; `signal 40` for one without.
  public var description: String {
    switch self {
    case .interrupt: "SIGINT"
    case .terminate: "SIGTERM"
    case .hangup: "SIGHUP"
    case .quit: "SIGQUIT"
    case .alarm: "SIGALRM"
    case .pipe: "SIGPIPE"
    case .user1: "SIGUSR1"
    case .user2: "SIGUSR2"
    default: "signal \(rawValue)"
    }
  }
}
