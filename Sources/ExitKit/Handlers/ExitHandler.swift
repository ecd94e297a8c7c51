// SPDX-License-Identifier: Apache-2.0

/// One registered handler: a small value for cancelling the handler, for running the handler by hand, or to ignore.
///
/// A handler is pending until a run or a cancellation, and never again after that. Copies name the same handler. Every
/// member may be used from any thread at any time, handlers included.
public struct ExitHandler: Sendable {
  let raw: UInt64
  let file: StaticString
  let line: UInt

  /// The name that was given at registration.
  public let name: String?

  @inline(__always)
  init(raw: UInt64, file: StaticString, line: UInt, name: String?) {
    (self.raw, self.file, self.line, self.name) = (raw, file, line, name)
    #if DEBUG
      if name != nil { GivenNames.note() }
    #endif
  }

  /// The place of the registration.
  public var location: ExitLocation { ExitLocation(fileID: "\(file)", line: line) }

  /// Whether the handler will still run: registered, not claimed by a run, not cancelled.
  ///
  /// In a forked child `false` for a handler of the parent.
  public var isPending: Bool { Shim.isPending(raw) }

  /// Cancels the handler, and releases its captures before returning.
  ///
  /// - Returns: `true` if the handler was pending and will never run. `false` is no error: the handler ran, runs or
  ///   was cancelled.
  @discardableResult
  public func cancel() -> Bool { Shim.cancel(raw) }

  /// Runs the handler now and waits for the end, on the calling thread unless the handler is isolated to an actor.
  ///
  /// An error out of the handler goes to the failure channel of its stack (see ``ExitStack/onFailure(_:)``).
  ///
  /// - Returns: `true` if the handler was pending and has now run. `false` is no error: the handler ran, runs or was
  ///   cancelled.
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
