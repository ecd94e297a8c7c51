// SPDX-License-Identifier: Apache-2.0

// Registering on the process stack. The first function here says what holds for every handler.

/// Runs a closure at exit.
///
/// ```swift
/// import ExitKit
///
/// func flush(_ file: String) { print("flushed", file) }
///
/// atExit { print("runs last") }
/// atExit(flush, "a.log")                    // a function and its arguments
/// let removal = atExit(name: "lock") { print("lock removed") }
/// removal.cancel()                          // the lock stays
/// ```
///
/// An error out of the closure is reported (see ``ExitStack/onFailure(_:)``), and all other handlers run. The closure
/// runs on the thread that exits; a closure that is isolated to an actor runs on that actor (for the main actor see
/// ``ProcessExitStack/mainActorGracePeriod``).
///
/// For a closure of no actor, in `main.swift`, write `atExit(nonisolated: { … })`; for a closure that captures what is not
/// `Sendable`, `atExit(sending: { … })`. In Swift 5 mode the compiler warns of a function that is given by its name, unless
/// the upcoming feature `InferSendableFromCaptures` is on; Swift 6 mode has that feature.
///
/// - Parameters:
///   - name: A name for reports, and for ``ExitStack/cancel(named:)``.
///   - phase: When the handler runs among the handlers of its stack.
///   - inForkedChildren: Whether a forked child runs the handler as well. Otherwise only the process that registered
///     the handler does.
///   - timeout: The longest time that the handler may run while the process exits. Then one line names the handler,
///     and the process ends. More than zero.
///   - file: The file that reports name.
///   - line: The line that reports name.
///   - owner: The object file that registers. Its handlers run before the object file is unloaded.
///   - body: The code that runs.
/// - Returns: The handler, to cancel or to run by hand. If registering failed, the handler is not pending, its
///   captures are released, and the failure channel has been told.
@discardableResult
@safe public func atExit(
  name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
  @_inheritActorContext _ body: consuming @escaping @Sendable @isolated(any) () throws -> Void
) -> ExitHandler {
  ExitStack.add(
    .plain(body), name, timeout, nil, on: .process,
    Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner))
}

/// Runs a closure that is told about the exit at exit.
///
/// As the closure without a parameter, with an ``ExitContext``.
///
/// Other parameters and the result: see the closure without a parameter.
///
/// - Parameters:
///   - body: The code that runs, given the reason and the status.
@discardableResult
@safe public func atExit(
  name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
  @_inheritActorContext _ body: consuming @escaping @Sendable @isolated(any) (ExitContext) throws -> Void
) -> ExitHandler {
  ExitStack.add(
    .withContext(body), name, timeout, nil, on: .process,
    Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner))
}

/// Runs an asynchronous closure at exit and waits for it.
///
/// The thread that exits runs the closure's jobs until the closure has finished. So the closure needs no thread of the
/// cooperative pool, and may hop to any actor, the main actor included, even from the main thread. The closure does
/// not see the cancellation of any task. The closure must not wait for the actor that called exit: that actor is not
/// free.
///
/// Other parameters and the result: see the closure without a parameter.
///
/// - Parameters:
///   - body: The code that runs, and is waited for.
@discardableResult
@safe public func atExit(
  name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
  @_inheritActorContext _ body: consuming @escaping @Sendable @isolated(any) () async throws -> Void
) -> ExitHandler {
  ExitStack.add(
    .async(body), name, timeout, nil, on: .process,
    Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner))
}

/// Runs an asynchronous closure that is told about the exit at exit and waits for it.
///
/// As the asynchronous closure without a parameter, with an ``ExitContext``.
///
/// Other parameters and the result: see the closure without a parameter.
///
/// - Parameters:
///   - body: The code that runs and is waited for, given the reason and the status.
@discardableResult
@safe public func atExit(
  name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
  @_inheritActorContext _ body: consuming @escaping @Sendable @isolated(any) (ExitContext) async throws -> Void
) -> ExitHandler {
  ExitStack.add(
    .asyncWithContext(body), name, timeout, nil, on: .process,
    Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner))
}
