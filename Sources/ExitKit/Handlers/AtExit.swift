// SPDX-License-Identifier: Apache-2.0

// Registering on the process stack. What is guaranteed for a handler is said at the first of these.

/// Runs a closure at exit.
///
/// An error that it throws is reported (see ``ExitStack/onFailure(_:)``), and the others run. It runs on the thread
/// that exits; one that is isolated to an actor runs there (for the main actor see
/// ``ProcessExitStack/mainActorGracePeriod``).
///
/// - Parameters:
///   - name: A name for reports, and for ``ExitStack/cancel(named:)``.
///   - phase: When it runs among the handlers of its stack.
///   - inForkedChildren: Whether a forked child runs it as well, as its own. Without it a handler belongs to the process
///     that registered it.
///   - timeout: The longest that it may run while the process exits; then one line names it, and the process ends. More
///     than nothing.
///   - file: The file that reports name.
///   - line: The line that reports name.
///   - owner: The object file that registers, whose handlers run before it is unloaded.
///   - body: What to run.
/// - Returns: The handler, to cancel or to run by hand. Where registering failed it is not pending, what the closure
///   captured is released, and the failure channel has been told.
@discardableResult
@safe public func atExit(
  name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
  @_inheritActorContext _ body: consuming @escaping @Sendable @isolated(any) () throws -> Void
) -> ExitHandler {
  if name == nil, timeout == nil {
    let how = Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner)
    return ExitStack.add(body, on: .process, how)
  }
  return ExitStack.process.add(
    .plain(body),
    Registration(
      name: name, phase: phase, inherited: inForkedChildren, limit: timeout, file: file, line: line, owner: owner))
}

/// Runs a closure that is told about the exit at exit.
///
/// As the closure without a parameter, with an ``ExitContext``.
///
/// The other parameters and the result are those of the closure without a parameter.
///
/// - Parameters:
///   - body: What to run; it receives the reason and the status.
@discardableResult
@safe public func atExit(
  name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
  @_inheritActorContext _ body: @escaping @Sendable @isolated(any) (ExitContext) throws -> Void
) -> ExitHandler {
  ExitStack.process.add(
    .withContext(body),
    Registration(
      name: name, phase: phase, inherited: inForkedChildren, limit: timeout, file: file, line: line, owner: owner))
}

/// Runs an asynchronous closure at exit and waits for it.
///
/// The thread that exits runs the closure's jobs itself until it has finished, so it needs no thread of the
/// cooperative pool, and it may hop to any actor, the main actor included, even from the main thread. It does not see
/// the cancellation of any task. It must not wait for an actor that the exit was called from: that one is not free.
///
/// The other parameters and the result are those of the closure without a parameter.
///
/// - Parameters:
///   - body: What to run and to wait for.
@discardableResult
@safe public func atExit(
  name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
  @_inheritActorContext _ body: @escaping @Sendable @isolated(any) () async throws -> Void
) -> ExitHandler {
  ExitStack.process.add(
    .async(body),
    Registration(
      name: name, phase: phase, inherited: inForkedChildren, limit: timeout, file: file, line: line, owner: owner))
}

/// Runs an asynchronous closure that is told about the exit at exit and waits for it.
///
/// As the asynchronous closure without a parameter, with an ``ExitContext``.
///
/// The other parameters and the result are those of the closure without a parameter.
///
/// - Parameters:
///   - body: What to run and to wait for; it receives the reason and the status.
@discardableResult
@safe public func atExit(
  name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
  @_inheritActorContext _ body: @escaping @Sendable @isolated(any) (ExitContext) async throws -> Void
) -> ExitHandler {
  ExitStack.process.add(
    .asyncWithContext(body),
    Registration(
      name: name, phase: phase, inherited: inForkedChildren, limit: timeout, file: file, line: line, owner: owner))
}
