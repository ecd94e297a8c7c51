// SPDX-License-Identifier: Apache-2.0

/// Something that went wrong with a handler, as the failure channel reports it.
///
/// ``description`` is the line that goes to stderr where no reporter is set.
public struct ExitFailure: Error, Sendable {
  /// The kinds of failure; more may come.
  public struct Kind: Sendable, Hashable {
    enum Value { case thrown, notRegistered, offMainActor }
    let value: Value

    /// The handler threw ``ExitFailure/error``.
    public static let thrown = Kind(value: .thrown)
    /// The handler was refused, never ran and never will; ``ExitFailure/error`` is an ``ExitError``.
    public static let notRegistered = Kind(value: .notRegistered)
    /// The handler is isolated to the main actor and ran, but elsewhere.
    ///
    /// The main actor did not answer within the grace period. Not an error of the handler.
    public static let offMainActor = Kind(value: .offMainActor)
  }

  /// What kind of failure this is.
  public let kind: Kind

  /// The error: the handler's own, or an ``ExitError``.
  public let error: any Error

  /// The name of the handler.
  public let name: String?

  /// The place where the handler was registered; `nil` where it is not known.
  public let location: ExitLocation?
}

extension ExitFailure: CustomStringConvertible {
  /// One line: `ExitKit: error in exit handler "flush" (App/main.swift:12): DiskFull()`.
  public var description: String {
    var handler = "exit handler"
    if let name { handler += " \"\(name)\"" }
    if let location { handler += " (\(location))" }
    let line =
      switch kind.value {
      case .thrown: "ExitKit: error in \(handler): \(error)"
      case .notRegistered: "ExitKit: \(handler) was not registered: \(error)"
      case .offMainActor: "ExitKit: \(handler) ran off the main thread: \(error)"
      }
    return line.onOneLine
  }
}

extension String {
  /// With a space in place of each line break.
  var onOneLine: String {
    contains(where: \.isNewline) ? String(map { $0.isNewline ? " " : $0 }) : self
  }
}
