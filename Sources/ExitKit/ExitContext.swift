// SPDX-License-Identifier: Apache-2.0

/// What a handler can know about the exit it runs in.
///
/// A handler receives one by taking a parameter: `atExit { exit in print(exit.reason) }`.
public struct ExitContext: Sendable {
  /// Why handlers run; more reasons may come, so compare, or switch with a default.
  public struct Reason: Sendable, Hashable {
    enum Kind: Hashable { case exit, run }
    let kind: Kind

    /// The process exits: a return from `main`, `exit`, or the like.
    public static let exit = Reason(kind: .exit)
    /// The stack or the handler was run by hand, and the process goes on.
    public static let run = Reason(kind: .run)
  }

  /// Why the handler runs.
  public let reason: Reason

  /// The exit status as it stands when the handler starts; an `exit` in a later handler still changes it.
  ///
  /// `nil` when the process does not exit, and with a libc that does not tell (musl).
  public let status: Int32?
}

extension ExitContext.Reason: CustomStringConvertible {
  /// The reason in one word.
  public var description: String {
    switch kind {
    case .exit: "exit"
    case .run: "run"
    }
  }
}
