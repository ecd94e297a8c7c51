// SPDX-License-Identifier: Apache-2.0

/// Calls a function with arguments at exit.
///
/// The arguments are evaluated now and kept until the function has run or was cancelled. Otherwise as with a closure
/// without a parameter. A method of an actor needs a closure around the call: a method that is bound to the actor does
/// not say where the call has to run (Swift 6.3).
///
/// Other parameters and the result: see ``atExit(name:phase:inForkedChildren:timeout:file:line:owner:_:)``.
///
/// - Parameters:
///   - function: The function.
///   - first: Its first argument.
///   - rest: Its other arguments.
@discardableResult
@safe public func atExit<First: Sendable, each Rest: Sendable>(
  name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
  @_inheritActorContext _ function:
    @escaping @Sendable @isolated(any) (First, repeat each Rest) throws -> Void,
  _ first: First, _ rest: repeat each Rest,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle
) -> ExitHandler {
  ExitStack.process.register(
    name: name, phase: phase, inForkedChildren: inForkedChildren, timeout: timeout, function, first, repeat each rest,
    file: file, line: line, owner: owner)
}

/// Calls an asynchronous function with arguments at exit and waits for it.
///
/// The arguments are evaluated now and kept until the function has run or was cancelled. Otherwise as with an
/// asynchronous closure without a parameter.
///
/// Other parameters and the result: see ``atExit(name:phase:inForkedChildren:timeout:file:line:owner:_:)``.
///
/// - Parameters:
///   - function: The function.
///   - first: Its first argument.
///   - rest: Its other arguments.
@discardableResult
@safe public func atExit<First: Sendable, each Rest: Sendable>(
  name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
  @_inheritActorContext _ function:
    @escaping @Sendable @isolated(any) (First, repeat each Rest) async throws -> Void,
  _ first: First, _ rest: repeat each Rest,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle
) -> ExitHandler {
  ExitStack.process.register(
    name: name, phase: phase, inForkedChildren: inForkedChildren, timeout: timeout, function, first, repeat each rest,
    file: file, line: line, owner: owner)
}
