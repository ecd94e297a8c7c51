// SPDX-License-Identifier: Apache-2.0

// Functions and closures of other types. All are disfavored: a closure without a label is one of AtExit.swift.

/// Runs an asynchronous function, given by its name, at exit and waits for it.
///
/// For functions that run where their caller does, as all do with the upcoming feature `NonisolatedNonsendingByDefault`:
/// `atExit(client.shutdown)`. The caller is the thread that runs the handler. Otherwise as with an asynchronous closure.
///
/// Other parameters and the result: see ``atExit(name:phase:inForkedChildren:timeout:file:line:owner:_:)``.
///
/// - Parameters:
///   - function: The code that runs, and is waited for.
@discardableResult @_disfavoredOverload
@safe public func atExit(
  name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
  _ function: nonisolated(nonsending) @escaping @Sendable () async throws -> Void,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle
) -> ExitHandler {
  ExitStack.add(
    .async { try await function() }, name, timeout, nil, on: .process,
    Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner))
}

/// Runs an asynchronous function that is told about the exit, given by its name, at exit and waits for it.
///
/// Other parameters and the result: see ``atExit(name:phase:inForkedChildren:timeout:file:line:owner:_:)``.
///
/// - Parameters:
///   - function: The code that runs and is waited for, given the reason and the status.
@discardableResult @_disfavoredOverload
@safe public func atExit(
  name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
  _ function: nonisolated(nonsending) @escaping @Sendable (ExitContext) async throws -> Void,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle
) -> ExitHandler {
  ExitStack.add(
    .asyncWithContext { try await function($0) }, name, timeout, nil, on: .process,
    Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner))
}

/// Calls an asynchronous function, given by its name, with arguments at exit and waits for it.
///
/// For functions that run where their caller does, as without arguments.
///
/// Other parameters and the result: see ``atExit(name:phase:inForkedChildren:timeout:file:line:owner:_:)``.
///
/// - Parameters:
///   - function: The function.
///   - first: Its first argument.
///   - rest: Its other arguments.
@discardableResult @_disfavoredOverload
@safe public func atExit<First: Sendable, each Rest: Sendable>(
  name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
  _ function: nonisolated(nonsending) @escaping @Sendable (First, repeat each Rest) async throws -> Void,
  _ first: First, _ rest: repeat each Rest
) -> ExitHandler {
  ExitStack.add(
    .async { try await function(first, repeat each rest) }, name, timeout, nil, on: .process,
    Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner))
}

/// Runs a closure of no actor at exit: `atExit(nonisolated: { print("done") })`.
///
/// A closure in `main.swift`, or in a function of an actor, otherwise belongs to the actor, and has to run there. Such a
/// closure runs on any thread, and the compiler checks that nothing in it needs the actor.
///
/// Other parameters and the result: see ``atExit(name:phase:inForkedChildren:timeout:file:line:owner:_:)``.
///
/// - Parameters:
///   - body: The code that runs.
@discardableResult @_disfavoredOverload
@safe public func atExit(
  name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
  nonisolated body: @escaping @Sendable () throws -> Void
) -> ExitHandler {
  ExitStack.add(
    .plain(body), name, timeout, nil, on: .process,
    Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner))
}

/// Runs a closure that nobody else uses at exit: `atExit(sending: { connection.close() })`.
///
/// The closure may capture objects of classes that are not `Sendable`, such as a local connection, if the caller does not
/// use them any more: the closure takes them along.
///
/// Other parameters and the result: see ``atExit(name:phase:inForkedChildren:timeout:file:line:owner:_:)``.
///
/// - Parameters:
///   - body: The code that runs.
@discardableResult @_disfavoredOverload
@safe public func atExit(
  name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
  @_inheritActorContext sending body: sending @escaping @isolated(any) () throws -> Void
) -> ExitHandler {
  ExitStack.add(
    .plain(Unisolated.sent(body)), name, timeout, nil, on: .process,
    Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner))
}
