// SPDX-License-Identifier: Apache-2.0

// In an asynchronous function the asynchronous one is meant, whatever the body awaits: the others are disfavored. A
// synchronous run would hold the actor that the handlers wait for.

/// Gives a stack to the body and runs the stack on the way out, also when the body throws.
///
/// ```swift
/// import ExitKit
///
/// withExitStack("import") { stack in
///   stack.register { print("folder removed") }
///   print("importing")
/// }
/// print("after the scope")
/// ```
///
/// Everything runs on the calling thread, but a handler that is isolated to an actor runs on that actor. Their
/// failures go to the failure channel and change neither the result nor the error.
///
/// The stack is standalone: `exit` in the body ends the process without running the stack. For clean-up that is to
/// happen then as well, see ``withExitStack(on:_:owner:_:)``.
///
/// - Parameters:
///   - name: A name for reports.
///   - body: Uses the stack.
/// - Returns: The result of the body.
/// - Throws: The error of the body.
@discardableResult @_disfavoredOverload
public func withExitStack<Result, Failure: Error>(
  _ name: String? = nil, _ body: (ExitStack) throws(Failure) -> Result
) throws(Failure) -> Result {
  let stack = ExitStack(name)
  defer { stack.run() }
  return try body(stack)
}

/// Gives a stack to the asynchronous body and runs the stack on the way out, also when the body throws.
///
/// The body runs where the caller does; so do handlers that are not isolated to an actor. They are awaited, and see
/// the task's local values and not its cancellation. Their failures go to the failure channel and change neither the
/// result nor the error.
///
/// The stack is standalone: `exit` in the body ends the process without running the stack. For clean-up that is to
/// happen then as well, see ``withExitStack(on:_:owner:_:)``.
///
/// Parameters are those of the synchronous function. The body may await.
///
/// - Returns: The result of the body.
/// - Throws: The error of the body.
@discardableResult
public nonisolated(nonsending) func withExitStack<Result, Failure: Error>(
  _ name: String? = nil, _ body: nonisolated(nonsending) (ExitStack) async throws(Failure) -> Result
) async throws(Failure) -> Result {
  try await run(ExitStack(name), after: body)
}

/// Gives a stack to the body and runs the stack on the way out, also when the body calls `exit`.
///
/// The stack is nested in another stack, as the newest entry of that stack at this moment: `withExitStack(on:
/// .process)`. If the process exits in the middle of the body, the handlers run in that place. Otherwise as the
/// function without `on`.
///
/// - Parameters:
///   - parent: The stack that runs the scope's if that has not run before.
///   - name: A name for reports.
///   - owner: The object file that registers. Its handlers run before the object file is unloaded.
///   - body: Uses the stack.
/// - Returns: The result of the body.
/// - Throws: The error of the body.
@discardableResult @_disfavoredOverload
@safe public func withExitStack<Result, Failure: Error>(
  on parent: ExitStack, _ name: String? = nil, owner: UnsafeRawPointer = #dsohandle,
  _ body: (ExitStack) throws(Failure) -> Result
) throws(Failure) -> Result {
  let stack = parent.nested(name, owner: owner)
  defer { stack.run() }
  return try body(stack)
}

/// Gives a stack to the asynchronous body and runs the stack on the way out, also when the body calls `exit`.
///
/// The stack is nested in another stack, as with a synchronous body. Otherwise as the asynchronous function without
/// `on`.
///
/// Parameters are those of the synchronous function with `on`. The body may await.
///
/// - Returns: The result of the body.
/// - Throws: The error of the body.
@discardableResult
@safe public nonisolated(nonsending) func withExitStack<Result, Failure: Error>(
  on parent: ExitStack, _ name: String? = nil, owner: UnsafeRawPointer = #dsohandle,
  _ body: nonisolated(nonsending) (ExitStack) async throws(Failure) -> Result
) async throws(Failure) -> Result {
  try await run(parent.nested(name, owner: owner), after: body)
}

private nonisolated(nonsending) func run<Result, Failure: Error>(
  _ stack: ExitStack, after body: nonisolated(nonsending) (ExitStack) async throws(Failure) -> Result
) async throws(Failure) -> Result {
  do {
    let result = try await body(stack)
    await stack.runAsync()
    return result
  } catch {
    await stack.runAsync()
    throw error
  }
}
