// SPDX-License-Identifier: Apache-2.0

/// A closure that runs once: when its object is destroyed, when its stack runs, or when the finalizer is called.
///
/// Made by ``finalize(_:name:phase:inForkedChildren:file:line:owner:_:)``. A small value; copies name the same finalizer, and
/// dropping them changes nothing. It does not keep the object alive. It is alive until it is claimed by whoever comes
/// first, or detached; in a forked child those of the parent are not.
///
/// Every member may be used from any thread at any time, in finalizers and handlers, too.
public struct Finalizer<Object: AnyObject, Result> {
  let raw: UInt64
  let file: StaticString
  let line: UInt

  /// The name that was given at creation.
  public let name: String?

  /// Whether the death of the object runs the finalizer at once, on the thread that drops the last reference.
  ///
  /// `false` where the Swift runtime or the class does not allow to be watched. Then it runs when a finalizer is made
  /// later than that, or at exit.
  public let isPrompt: Bool

  @inline(__always)
  init(raw: UInt64, file: StaticString, line: UInt, name: String?, isPrompt: Bool) {
    self.raw = raw
    self.file = file
    self.line = line
    self.name = name
    self.isPrompt = isPrompt
  }

  /// The place of its creation.
  public var location: ExitLocation { ExitLocation(fileID: "\(file)", line: line) }

  /// Whether the object lives and the finalizer has neither run nor been detached.
  public var isAlive: Bool { peek() != nil }

  /// The object, or `nil` if the finalizer is not alive.
  public func peek() -> Object? { Shim.object(of: raw, as: Object.self) }

  /// Cancels the finalizer, and releases its captures before returning.
  ///
  /// - Returns: The object. `nil` is not an error: the finalizer was not alive, and this call has changed nothing.
  @discardableResult
  public func detach() -> Object? {
    guard let object = peek(), Shim.cancel(raw) else { return nil }
    return object
  }

  /// Runs the finalizer now and waits for the end, on the calling thread unless the finalizer is isolated to an actor.
  ///
  /// - Returns: The result; `nil`, which is no error, if the finalizer was not alive.
  /// - Throws: The error of the closure; the failure channel is not told.
  @discardableResult
  public func callAsFunction() throws -> Result? {
    var outcome: Swift.Result<Result, any Error>?
    Shim.run(raw) { outcome = FinalizerContents.outcome($0, $1) }
    return try outcome?.get()
  }

  /// Whether a run of its stack, at exit or by hand, runs the finalizer; `true` at first.
  ///
  /// While `false`, only the death of the object or a call runs the finalizer, and the stack's count leaves the
  /// finalizer out. Set to `true` again, the finalizer is the newest of its phase. For a finalizer that is not pending
  /// the value is `false`, and setting the value does nothing.
  public var runsAtExit: Bool {
    get { Shim.isAwake(raw) }
    nonmutating set { Shim.setAsleep(raw, !newValue) }
  }
}

extension Finalizer: Sendable where Object: Sendable {}

extension Finalizer: Hashable {
  /// Whether both name the same finalizer.
  public static func == (left: Finalizer, right: Finalizer) -> Bool { left.raw == right.raw }

  /// Hashes the identity of the finalizer.
  public func hash(into hasher: inout Hasher) { hasher.combine(raw) }
}

extension Finalizer: CustomStringConvertible {
  /// The name, the place, and the object while the finalizer is alive:
  /// `finalizer "close" (App/main.swift:12) of Connection at 0x55d0c8a3f2c0`.
  public var description: String {
    var text = "finalizer"
    if let name { text += " \"\(name)\"" }
    text += " (\(location))"
    guard let object = peek() else { return text + ", done" }
    let address = UInt(bitPattern: ObjectIdentifier(object))
    return text + " of \(type(of: object)) at 0x\(String(address, radix: 16))"
  }
}
