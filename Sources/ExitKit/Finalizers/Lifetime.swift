// SPDX-License-Identifier: Apache-2.0

/// The end of an object of one's own, without help from the Swift runtime.
///
/// An object that holds the only reference to a lifetime ends it with itself, after its own `deinit`: finalizers of
/// the lifetime then run. They are like those of any other object, but prompt on every platform.
///
/// ```swift
/// import ExitKit
/// import Glibc
///
/// final class Connection {
///   private let lifetime = Lifetime()
///   init(_ socket: Int32) { finalize(lifetime) { close(socket) } }
/// }
///
/// var connection: Connection? = Connection(dup(1))
/// connection = nil                          // closes the socket
/// ```
public final class Lifetime: Sendable {
  /// Makes a lifetime, which ends when the last reference to it goes.
  public init() {}

  deinit { Shim.died(self) }
}

/// A lifetime and its finalizer in one: a stored property that runs a closure when its owner is destroyed, or at exit.
///
/// ```swift
/// import ExitKit
/// import Glibc
///
/// final class Connection {
///   private let closing: OwnedFinalizer<Int32>
///   init(_ socket: Int32) { closing = OwnedFinalizer { close(socket) } }
///   func end() throws { try closing.finalizer() }
/// }
///
/// let connection = Connection(dup(1))
/// try connection.end()                      // or at the end of the object, or at exit
/// ```
public struct OwnedFinalizer<Result>: ~Copyable, Sendable {
  private let lifetime: Lifetime

  /// The finalizer: the same kind as any object's, on the same stack and in the same order.
  public let finalizer: Finalizer<Lifetime, Result>

  /// Makes a lifetime with a finalizer.
  ///
  /// - Parameters:
  ///   - stack: The stack that runs it if its owner still lives then.
  ///   - name: A name for reports, and for ``ExitStack/cancel(named:)``.
  ///   - phase: When the handler runs among the handlers of its stack.
  ///   - inForkedChildren: Whether a forked child runs the handler as well.
  ///   - file: The file that reports name.
  ///   - line: The line that reports name.
  ///   - owner: The object file that registers. Its handlers run before the object file is unloaded.
  ///   - body: The code that runs. If the code captures the owner, the owner lives until the stack runs.
  @safe public init(
    on stack: ExitStack = .process, name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false,
    file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
    @_inheritActorContext _ body: @escaping @Sendable @isolated(any) () throws -> Result
  ) {
    lifetime = Lifetime()
    finalizer = stack.finalize(
      lifetime, name: name, phase: phase, inForkedChildren: inForkedChildren, file: file, line: line, owner: owner, body
    )
  }
}
