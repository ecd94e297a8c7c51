// SPDX-License-Identifier: Apache-2.0

/// Calls a function with arguments at exit.
///
/// The arguments are evaluated now and kept until the function has run or was cancelled. Otherwise as with a closure
/// without a parameter. A method of an actor needs a closure around it: bound to the actor, it does not say where it
/// has to run (Swift 6.3).
///
/// - Parameters:
///   - name: A name for reports, and for ``ExitStack/cancel(named:)``.
///   - phase: When it runs among the handlers of its stack.
///   - inherited: Whether a forked child runs it as well, as its own. Without it a handler belongs to the process
///     that registered it.
///   - limit: The longest that it may run while the process exits; then one line names it, and the process ends. More
///     than nothing.
///   - function: What to call.
///   - first: Its first argument.
///   - rest: Its other arguments.
///   - file: The file that reports name.
///   - line: The line that reports name.
///   - owner: The object file that registers, whose handlers run before it is unloaded.
/// - Returns: The handler, to cancel or to run by hand. Where registering failed it is not pending, what the closure
///   captured is released, and the failure channel has been told.
@discardableResult
public func atExit<First: Sendable, each Rest: Sendable>(
  name: String? = nil, phase: ExitPhase = .normal, inherited: Bool = false, within limit: Duration? = nil,
  @_inheritActorContext _ function:
    @escaping @Sendable @isolated(any) (First, repeat each Rest) throws -> Void,
  _ first: First, _ rest: repeat each Rest,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle
) -> ExitHandler {
  ExitStack.process.register(
    name: name, phase: phase, inherited: inherited, within: limit, function, first, repeat each rest,
    file: file, line: line, owner: owner)
}

/// Calls an asynchronous function with arguments at exit and waits for it.
///
/// The arguments are evaluated now and kept until the function has run or was cancelled. Otherwise as with an
/// asynchronous closure without a parameter.
///
/// - Parameters:
///   - name: A name for reports, and for ``ExitStack/cancel(named:)``.
///   - phase: When it runs among the handlers of its stack.
///   - inherited: Whether a forked child runs it as well, as its own. Without it a handler belongs to the process
///     that registered it.
///   - limit: The longest that it may run while the process exits; then one line names it, and the process ends. More
///     than nothing.
///   - function: What to call.
///   - first: Its first argument.
///   - rest: Its other arguments.
///   - file: The file that reports name.
///   - line: The line that reports name.
///   - owner: The object file that registers, whose handlers run before it is unloaded.
/// - Returns: The handler, to cancel or to run by hand. Where registering failed it is not pending, what the closure
///   captured is released, and the failure channel has been told.
@discardableResult
public func atExit<First: Sendable, each Rest: Sendable>(
  name: String? = nil, phase: ExitPhase = .normal, inherited: Bool = false, within limit: Duration? = nil,
  @_inheritActorContext _ function:
    @escaping @Sendable @isolated(any) (First, repeat each Rest) async throws -> Void,
  _ first: First, _ rest: repeat each Rest,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle
) -> ExitHandler {
  ExitStack.process.register(
    name: name, phase: phase, inherited: inherited, within: limit, function, first, repeat each rest,
    file: file, line: line, owner: owner)
}
