// SPDX-License-Identifier: Apache-2.0

/// A signal of the system, by its number.
public struct ExitSignal: RawRepresentable, Sendable, Hashable {
  /// The number of the signal.
  public let rawValue: Int32

  /// Names the signal of that number, which need not exist.
  public init(rawValue: Int32) { self.rawValue = rawValue }

  /// `SIGINT`: Ctrl-C.
  public static let interrupt = ExitSignal(rawValue: Shim.signals.interrupt)
  /// `SIGTERM`: the usual request to end.
  public static let terminate = ExitSignal(rawValue: Shim.signals.terminate)
  /// `SIGHUP`: the terminal is gone.
  public static let hangup = ExitSignal(rawValue: Shim.signals.hangup)
  /// `SIGQUIT`: Ctrl and the backslash; the process leaves a core dump where the system is set up for it.
  ///
  /// Swift's backtracer, where it is on (`SWIFT_BACKTRACE`), takes the signal for a crash. With ``exitOnSignals(_:)`` the
  /// handlers run first, and then the backtracer prints its report.
  public static let quit = ExitSignal(rawValue: Shim.signals.quit)
  /// `SIGALRM`: a timer has run out.
  public static let alarm = ExitSignal(rawValue: Shim.signals.alarm)
  /// `SIGPIPE`: a write to a pipe that nobody reads.
  public static let pipe = ExitSignal(rawValue: Shim.signals.pipe)
  /// `SIGUSR1`.
  public static let user1 = ExitSignal(rawValue: Shim.signals.user1)
  /// `SIGUSR2`.
  public static let user2 = ExitSignal(rawValue: Shim.signals.user2)
}

extension ExitSignal: CustomStringConvertible {
  /// The system's name for it, such as `SIGTERM`; `signal 40` for one without.
  public var description: String { Shim.signalNames[rawValue] ?? "signal \(rawValue)" }
}
