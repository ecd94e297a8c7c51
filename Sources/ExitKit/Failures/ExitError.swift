// SPDX-License-Identifier: Apache-2.0

/// Why ExitKit could not do what it was asked.
public struct ExitError: Error, Sendable, Hashable {
  /// The kinds of error; more may come.
  public struct Code: Sendable, Hashable {
    enum Kind { case invalid, noMemory, tooLate, interrupted, mainActorSilent, other }
    let kind: Kind

    /// An argument makes no sense, such as a negative count.
    public static let invalidArgument = Code(kind: .invalid)
    /// There is no memory for it. (The first 32 registrations need none.)
    public static let outOfMemory = Code(kind: .noMemory)
    /// The process has gone too far in its exit: nothing can run any more.
    public static let tooLate = Code(kind: .tooLate)
    /// Asked from a signal handler that had interrupted ExitKit itself.
    public static let interrupted = Code(kind: .interrupted)
    /// The main actor did not take a handler over within the grace period; it ran on another thread.
    public static let mainActorSilent = Code(kind: .mainActorSilent)
    /// An `errno` value that has no code here; see ``ExitError/errno``.
    public static let other = Code(kind: .other)
  }

  /// What went wrong.
  public let code: Code

  /// The `errno` value behind it; 0 where there is none.
  public let errno: Int32
}

extension ExitError: CustomStringConvertible {
  /// What went wrong, in words.
  public var description: String {
    switch code.kind {
    case .invalid: "invalid argument"
    case .noMemory: "out of memory"
    case .tooLate: "too late, the process has run its exit handlers"
    case .interrupted: "called from a signal handler that interrupted ExitKit"
    case .mainActorSilent: "the main actor did not answer in time"
    case .other: "error \(errno)"
    }
  }
}
