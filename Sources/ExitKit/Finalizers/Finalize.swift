// SPDX-License-Identifier: Apache-2.0

/// Runs a closure once: when an object is destroyed, or at exit if the object still lives then.
///
/// ```swift
/// import ExitKit
///
/// final class Connection {}
///
/// var connection: Connection? = Connection()
/// finalize(connection!) { print("closed") }
/// connection = nil                          // prints "closed"
/// ```
///
/// The object may be of any class; the class needs no change. When the last reference goes, the finalizer runs on that
/// thread, after the object's own `deinit`; several finalizers of an object run newest first. A finalizer that is
/// isolated to an actor is handed to the actor instead, and stays pending until the actor runs the finalizer. At exit
/// a finalizer runs in its place among all other handlers, by time of creation. An error out of the closure goes to
/// the failure channel.
///
/// A finalizer may hold the last reference to another object with a finalizer, and so on: 32 such finalizers run inside of
/// each other, and a deeper one runs after those, on the same thread. So a chain may have any length.
///
/// - Parameters:
///   - object: The object. The finalizer does not keep the object alive.
///   - name: A name for reports, and for ``ExitStack/cancel(named:)``.
///   - phase: When the finalizer runs at exit.
///   - inForkedChildren: Whether a forked child runs the finalizer as well. Otherwise a child's copy of the object
///     dies without a finalizer.
///   - file: The file that reports name.
///   - line: The line that reports name.
///   - owner: The object file that registers. Its handlers run before the object file is unloaded.
///   - body: The code that runs. If the code captures the object, the object lives until the exit.
/// - Returns: The finalizer, to ask or to call. If registering failed, the finalizer is not alive, its captures are
///   released, and the failure channel has been told.
@discardableResult
@safe public func finalize<Object: AnyObject, Result>(
  _ object: Object, name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
  @_inheritActorContext _ body: consuming @escaping @Sendable @isolated(any) () throws -> Result
) -> Finalizer<Object, Result> {
  FinalizerMaker.make(
    IsolatedBody(body), of: object, name, nil, on: .process, phase, inForkedChildren, file, line, owner)
}

/// Calls a function with arguments once: when an object is destroyed, or at exit if the object still lives then.
///
/// The arguments are evaluated now and kept until the function has run or was detached. Otherwise as with a closure.
///
/// Other parameters and the result: see the closure without arguments.
///
/// - Parameters:
///   - function: The function.
///   - first: Its first argument. If an argument leads to the object, the object lives until the exit.
///   - rest: Its other arguments.
@discardableResult
@safe public func finalize<Object: AnyObject, First: Sendable, each Rest: Sendable, Result>(
  _ object: Object, name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false,
  @_inheritActorContext _ function:
    @escaping @Sendable @isolated(any) (First, repeat each Rest) throws -> Result,
  _ first: First, _ rest: repeat each Rest,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle
) -> Finalizer<Object, Result> {
  ExitStack.process.finalize(
    object, name: name, phase: phase, inForkedChildren: inForkedChildren, function, first, repeat each rest,
    file: file, line: line, owner: owner)
}

/// Runs a closure once: when an object that is known by a protocol is destroyed, or at exit, whichever comes first.
///
/// For a value of type `any P`, where only classes conform to `P`. Otherwise as with an object of a known class.
///
/// Other parameters: see ``finalize(_:name:phase:inForkedChildren:file:line:owner:_:)``.
///
/// - Parameters:
///   - object: The object. The finalizer does not keep the object alive.
///   - body: The code that runs. If the code captures the object, the object lives until the exit.
/// - Returns: The finalizer, which gives the object back as `AnyObject`.
@discardableResult @_disfavoredOverload
@safe public func finalize<Result>(
  _ object: AnyObject, name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
  @_inheritActorContext _ body: consuming @escaping @Sendable @isolated(any) () throws -> Result
) -> Finalizer<AnyObject, Result> {
  FinalizerMaker.make(
    IsolatedBody(body), of: object, name, nil, on: .process, phase, inForkedChildren, file, line, owner)
}
