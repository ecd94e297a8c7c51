// SPDX-License-Identifier: Apache-2.0

/// A failure of a handler, as the failure channel reports failures.
///
/// ``description`` is the line that goes to stderr where no reporter is set.
public struct ExitFailure: Error, Sendable {
  /// The kinds of failure; more may come.
  public struct Kind: Sendable, Hashable {
    enum Value: String, CaseIterable { case thrown, notRegistered, offMainActor, dropped }
    let value: Value

    /// The handler threw ``ExitFailure/error``; a handler of C reported it by `cexit_fail`.
    public static let thrown = Kind(value: .thrown)
    /// The handler was refused, never ran and never will; ``ExitFailure/error`` is an ``ExitError``.
    public static let notRegistered = Kind(value: .notRegistered)
    /// The handler is isolated to the main actor and ran, but elsewhere.
    ///
    /// The main actor did not answer within the grace period. Not an error of the handler. A reporter or stderr is told
    /// once an exit, for the first such handler; a report of a run has the failure for each.
    public static let offMainActor = Kind(value: .offMainActor)
    /// A standalone stack went away with pending handlers, which were cancelled; ``ExitFailure/name`` is the stack's.
    public static let dropped = Kind(value: .dropped)
  }

  /// The kind of the failure.
  public let kind: Kind

  /// The error: the handler's own, or an ``ExitError``.
  public let error: any Error

  /// The name of the handler.
  public let name: String?

  /// The place where the handler was registered; `nil`: not known.
  public let location: ExitLocation?

  /// Whether the handler is the finalizer of an object.
  public internal(set) var isFinalizer = false
}

extension ExitFailure: CustomStringConvertible {
  /// One line: `ExitKit: error in exit handler "flush" (App/main.swift:12): DiskFull()`.
  ///
  /// A finalizer is named `finalizer "close" (App/main.swift:12)`.
  public var description: String {
    if kind == .dropped { return "ExitKit: \(error)".onOneLine }
    var handler = isFinalizer ? "finalizer" : "exit handler"
    if let name { handler += " \"\(name)\"" }
    if let location { handler += " (\(location))" }
    let line =
      switch kind.value {
      case .thrown: "ExitKit: error in \(handler): \(error)"
      case .notRegistered: "ExitKit: \(handler) was not registered: \(error)"
      case .offMainActor:
        "ExitKit: \(handler) ran off the main thread: \(error); leave the main thread free, or set mainActorGracePeriod"
      case .dropped: ""
      }
    return line.onOneLine
  }
}

extension ExitFailure {
  static func dropped(_ count: Int, ofStack name: String?) -> ExitFailure {
    let stack = "exit stack" + (name.map { " \"\($0)\"" } ?? "")
    let handlers = count == 1 ? "1 handler" : "\(count) handlers"
    let error = ExitError(
      .dropped, "\(stack) was dropped with \(handlers) pending, which did not run: call run() first")
    return ExitFailure(kind: .dropped, error: error, name: name, location: nil)
  }
}

extension String {
  /// With a space in place of each line break, and a question mark for each other control character: the text may go to
  /// a terminal, which takes these for commands.
  var onOneLine: String {
    guard unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) || contains(where: \.isNewline)
    else { return self }
    var line = ""
    for character in self {
      if character.isNewline || character == "\t" {
        line += " "
      } else {
        let isControl = character.unicodeScalars.contains { $0.properties.generalCategory == .control }
        line += isControl ? "?" : String(character)
      }
    }
    return line
  }
}
