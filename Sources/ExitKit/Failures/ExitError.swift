// SPDX-License-Identifier: Apache-2.0

/// Why ExitKit refused a request.
///
/// ``description`` names the subject, such as the signal or the value, and the remedy.
public struct ExitError: Error, Sendable {
  /// The kinds of error; more may come.
  public struct Code: Sendable, Hashable {
    enum Kind { case invalid, noMemory, tooLate, interrupted, mainActorSilent, dropped, tooDeep, reported, other }
    let kind: Kind

    /// An argument makes no sense, such as a negative count.
    public static let invalidArgument = Code(kind: .invalid)
    /// There is no memory. (The first 32 registrations need none.)
    public static let outOfMemory = Code(kind: .noMemory)
    /// The process has gone too far in its exit: nothing can run any more.
    public static let tooLate = Code(kind: .tooLate)
    /// Asked from a signal handler that had interrupted ExitKit itself.
    public static let interrupted = Code(kind: .interrupted)
    /// The main actor did not take a handler over within the grace period; the handler ran on another thread.
    public static let mainActorSilent = Code(kind: .mainActorSilent)
    /// A standalone stack went away with pending handlers, which will never run.
    public static let dropped = Code(kind: .dropped)
    /// A stack would be nested in more than 32 stacks.
    public static let nestedTooDeep = Code(kind: .tooDeep)
    /// A handler of C or C++ has failed, by `cexit_fail` or an exception, or a handler of another copy of the library;
    /// the description is its message.
    public static let reported = Code(kind: .reported)
    /// An `errno` value without a code of this type; see ``ExitError/errno``.
    public static let other = Code(kind: .other)
  }

  /// The kind of the error.
  public let code: Code

  /// The `errno` value behind the error; 0: none.
  public let errno: Int32

  /// What was asked, and why that cannot be; `nil` where the code says all.
  private let message: String?

  init(_ code: Code, _ message: String? = nil, errno: Int32 = 0) {
    self.code = code
    self.message = message
    self.errno = code == .invalidArgument && errno == 0 ? Shim.invalidArgument : errno
  }
}

extension ExitError: Hashable {
  /// Whether both have the same code and the same `errno` value.
  ///
  /// The words do not count.
  public static func == (left: ExitError, right: ExitError) -> Bool {
    left.code == right.code && left.errno == right.errno
  }

  /// Hashes the code and the `errno` value.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(code)
    hasher.combine(errno)
  }
}

extension ExitError: CustomStringConvertible {
  /// The error in words, with its subject.
  public var description: String {
    if let message { return message }
    return switch code.kind {
    case .invalid: "invalid argument"
    case .noMemory: "out of memory"
    case .tooLate: "too late, the process has run its exit handlers"
    case .interrupted: "called from a signal handler that interrupted ExitKit"
    case .mainActorSilent: "the main actor did not answer in time"
    case .dropped: "its stack is gone"
    case .tooDeep: "its stack would be nested in more than 32 others"
    case .reported: "the handler has failed"
    case .other: "error \(errno)"
    }
  }
}
