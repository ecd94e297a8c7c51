// SPDX-License-Identifier: Apache-2.0

/// A signal of the system, by its number.
public struct ExitSignal: RawRepresentable, Sendable, Hashable {
  /// The number of the signal.
  public let rawValue: Int32

  /// Names the signal of that number, which need not exist.
  public init(rawValue: Int32) { self.rawValue = rawValue }

  /// `SIGINT`: Ctrl-C.
  public static let interrupt = Shim.Signals.interrupt
  /// `SIGTERM`: the usual request to end.
  public static let terminate = Shim.Signals.terminate
  /// `SIGHUP`: the terminal is gone.
  public static let hangup = Shim.Signals.hangup
  /// `SIGQUIT`: Ctrl and the backslash; the process leaves a core dump where the system is set up for it.
  public static let quit = Shim.Signals.quit
  /// `SIGALRM`: a timer has run out.
  public static let alarm = Shim.Signals.alarm
  /// `SIGPIPE`: a write to a pipe that nobody reads.
  public static let pipe = Shim.Signals.pipe
  /// `SIGUSR1`.
  public static let user1 = Shim.Signals.user1
  /// `SIGUSR2`.
  public static let user2 = Shim.Signals.user2
}

extension ExitSignal: CustomStringConvertible {
  /// The system's name for it, such as `SIGTERM`; `signal 40` for one without.
  public var description: String { Shim.Signals.names[rawValue] ?? "signal \(rawValue)" }
}
