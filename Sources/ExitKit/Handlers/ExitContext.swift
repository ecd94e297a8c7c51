// SPDX-License-Identifier: Apache-2.0

/// What a handler can know about the exit.
///
/// A handler with a parameter receives a context: `atExit { exit in print(exit.reason) }`.
public struct ExitContext: Sendable {
  /// Why handlers run; more reasons may come, so compare, or switch with a default.
  public struct Reason: Sendable, Hashable {
    enum Kind: Hashable {
      case exit, run, unload
      case signal(ExitSignal)
    }
    let kind: Kind

    /// The process that sent the signal; `nil` where the kernel did, for a key or a closed terminal.
    ///
    /// It takes no part in the comparison of reasons.
    public private(set) var sender: Int32?

    /// The process exits: a return from `main`, `exit`, or the like.
    public static let exit = Reason(kind: .exit)
    /// The stack or the handler was run by hand, and the process goes on.
    public static let run = Reason(kind: .run)
    /// The shared object that registered the handler is being unloaded (`dlclose`), and the process goes on.
    public static let unload = Reason(kind: .unload)
    /// The process exits on that signal, from any sender (see ``exitOnSignals(_:)``).
    public static func signal(_ signal: ExitSignal) -> Reason { Reason(kind: .signal(signal)) }

    /// The signal that the process exits on; `nil` for an exit without a signal.
    public var signal: ExitSignal? {
      if case .signal(let signal) = kind { signal } else { nil }
    }

    init(kind: Kind, sender: Int32? = nil) {
      self.kind = kind
      self.sender = sender
    }

    /// Whether both are of the same kind and, where they are signals, the same signal.
    public static func == (left: Reason, right: Reason) -> Bool { left.kind == right.kind }

    /// Hashes the compared parts.
    public func hash(into hasher: inout Hasher) { hasher.combine(kind) }
  }

  /// Why the handler runs.
  public let reason: Reason

  /// The exit status when the handler starts; an `exit` in a later handler still changes the status.
  ///
  /// `nil` when the process does not exit, and with a libc that does not tell (musl).
  public let status: Int32?
}

extension ExitContext.Reason: CustomStringConvertible {
  /// The reason in a word or two: `exit`, `run`, `unload`, `SIGTERM from process 123`.
  public var description: String {
    switch kind {
    case .exit: "exit"
    case .run: "run"
    case .unload: "unload"
    case .signal(let signal): sender.map { "\(signal) from process \($0)" } ?? "\(signal)"
    }
  }
}
