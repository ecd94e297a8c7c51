// SPDX-License-Identifier: Apache-2.0

/// Runs a closure at `quick_exit`, which skips the handlers of `atExit`.
///
/// The handlers of `quick_exit` are a stack of their own, newest first, shared with C's `cexit_at_quick_exit`. Each runs
/// once, though several threads leave. Nothing is flushed after them. Otherwise as with `atExit`.
///
/// - Parameters:
///   - name: A name for reports.
///   - phase: When it runs among the handlers of `quick_exit`.
///   - inForkedChildren: Whether a forked child runs it as well, as its own.
///   - timeout: The longest that it may run; then one line names it, and the process ends. More than nothing.
///   - file: The file that reports name.
///   - line: The line that reports name.
///   - owner: The object file that registers, whose handlers run before it is unloaded.
///   - body: What to run.
/// - Returns: The handler, to cancel or to run by hand. Where registering failed it is not pending, what the closure
///   captured is released, and the failure channel has been told.
@discardableResult
@safe public func atQuickExit(
  name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
  @_inheritActorContext _ body: @escaping @Sendable @isolated(any) () throws -> Void
) -> ExitHandler {
  ExitStack.quick.register(
    name: name, phase: phase, inForkedChildren: inForkedChildren, timeout: timeout, file: file, line: line,
    owner: owner, body)
}

/// Runs an asynchronous closure at `quick_exit` and waits for it.
///
/// The other parameters and the result are those of the synchronous closure.
///
/// - Parameters:
///   - body: What to run and to wait for.
@discardableResult
@safe public func atQuickExit(
  name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
  file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
  @_inheritActorContext _ body: @escaping @Sendable @isolated(any) () async throws -> Void
) -> ExitHandler {
  ExitStack.quick.register(
    name: name, phase: phase, inForkedChildren: inForkedChildren, timeout: timeout, file: file, line: line,
    owner: owner, body)
}
