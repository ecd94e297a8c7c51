// SPDX-License-Identifier: Apache-2.0

/// Runs a closure at `quick_exit`, which skips the handlers of `atExit`.
///
/// ```swift
/// import ExitKit
/// import Glibc
///
/// atExit { print("not printed") }
/// atQuickExit {
///   print("saved")
///   fflush(nil)                             // quick_exit flushes nothing
/// }
/// quick_exit(0)
/// ```
///
/// The handlers of `quick_exit` are a stack of their own, newest first, shared with C's `cexit_at_quick_exit`. Each runs
/// once, though several threads leave. Nothing is flushed after them. Otherwise as with `atExit`.
///
/// - Parameters:
///   - name: A name for reports.
///   - phase: When the handler runs among the handlers of `quick_exit`.
///   - inForkedChildren: Whether a forked child runs the handler as well.
///   - timeout: The longest time that the handler may run. Then one line names the handler, and the process ends. More
///     than zero.
///   - file: The file that reports name.
///   - line: The line that reports name.
///   - owner: The object file that registers. Its handlers run before the object file is unloaded.
///   - body: The code that runs.
/// - Returns: The handler, to cancel or to run by hand. If registering failed, the handler is not pending, its
///   captures are released, and the failure channel has been told.
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
/// Other parameters and the result: see the synchronous closure.
///
/// - Parameters:
///   - body: The code that runs, and is waited for.
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
