// SPDX-License-Identifier: Apache-2.0

/// One registered handler: a small value to cancel it by, to run it by hand, or to ignore.
///
/// A handler is pending until it is run or cancelled, whichever comes first, and never again after that. Copies
/// name the same handler. Every member may be used from any thread at any time, handlers included.
public struct ExitHandler: Sendable {
  let raw: UInt64
  let file: StaticString
  let line: UInt

  /// The name it was registered with.
  public let name: String?

  /// The place where it was registered.
  public var location: ExitLocation { ExitLocation(fileID: "\(file)", line: line) }

  /// Whether it will still run: neither claimed by a run nor cancelled, and registered at all.
  ///
  /// In a forked child `false` for what belongs to the parent.
  public var isPending: Bool { Shim.isPending(raw) }

  /// Cancels the handler; what it captured is released before this returns.
  ///
  /// - Returns: `true` if it was pending and will never run. `false` is not an error: it ran, runs or was cancelled.
  @discardableResult
  public func cancel() -> Bool { Shim.cancel(raw) }

  /// Runs the handler now and waits for it, on the calling thread unless it is isolated to an actor.
  ///
  /// An error that it throws goes to the failure channel of its stack (see ``ExitStack/onFailure(_:)``).
  ///
  /// - Returns: `true` if it was pending and has now run. `false` is not an error: it ran, runs or was cancelled.
  @discardableResult
  public func run() -> Bool { Shim.run(raw) }
}

extension ExitHandler: Hashable {
  /// Whether both name the same registration.
  public static func == (left: ExitHandler, right: ExitHandler) -> Bool { left.raw == right.raw }

  /// Hashes the registration.
  public func hash(into hasher: inout Hasher) { hasher.combine(raw) }
}

extension ExitHandler: CustomStringConvertible {
  /// The handler in a few words: `exit handler "flush" (App/main.swift:12), pending`.
  public var description: String {
    let title = name.map { "exit handler \"\($0)\"" } ?? "exit handler"
    return "\(title) (\(location)), \(isPending ? "pending" : "not pending")".onOneLine
  }
}
