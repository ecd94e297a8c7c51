// SPDX-License-Identifier: Apache-2.0

// Each closure comes in under its own type; from `add` on there is one kind of handler.

extension ExitStack {
  /// Runs a closure when this stack runs.
  ///
  /// An error out of the closure is reported (see ``ExitStack/onFailure(_:)``), and all other handlers run. The
  /// closure runs on the thread that runs the stack; a closure that is isolated to an actor runs on that actor (for
  /// the main actor see ``ProcessExitStack/mainActorGracePeriod``).
  ///
  /// Other parameters and the result: see ``atExit(name:phase:inForkedChildren:timeout:file:line:owner:_:)``.
  ///
  /// - Parameters:
  ///   - body: The code that runs.
  @discardableResult
  @safe public func register(
    name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
    file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
    @_inheritActorContext _ body: consuming @escaping @Sendable @isolated(any) () throws -> Void
  ) -> ExitHandler {
    Self.add(
      .plain(body), name, timeout, ownChannel, on: reference,
      Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner))
  }

  /// Runs a closure that is told about the exit when this stack runs.
  ///
  /// As the closure without a parameter, with an ``ExitContext``.
  ///
  /// Other parameters and the result: see ``atExit(name:phase:inForkedChildren:timeout:file:line:owner:_:)``.
  ///
  /// - Parameters:
  ///   - body: The code that runs, given the reason and the status.
  @discardableResult
  @safe public func register(
    name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
    file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
    @_inheritActorContext _ body: consuming @escaping @Sendable @isolated(any) (ExitContext) throws -> Void
  ) -> ExitHandler {
    Self.add(
      .withContext(body), name, timeout, ownChannel, on: reference,
      Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner))
  }

  /// Runs an asynchronous closure when this stack runs and waits for it.
  ///
  /// The thread that runs the stack runs the closure's jobs until the closure has finished. So the closure needs no
  /// thread of the cooperative pool, and may hop to any actor, the main actor included, even from the main thread. The
  /// closure does not see the cancellation of any task. The closure must not wait for the actor that called exit: that
  /// actor is not free.
  ///
  /// Other parameters and the result: see ``atExit(name:phase:inForkedChildren:timeout:file:line:owner:_:)``.
  ///
  /// - Parameters:
  ///   - body: The code that runs, and is waited for.
  @discardableResult
  @safe public func register(
    name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
    file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
    @_inheritActorContext _ body: consuming @escaping @Sendable @isolated(any) () async throws -> Void
  ) -> ExitHandler {
    Self.add(
      .async(body), name, timeout, ownChannel, on: reference,
      Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner))
  }

  /// Runs an asynchronous closure that is told about the exit when this stack runs and waits for it.
  ///
  /// As the asynchronous closure without a parameter, with an ``ExitContext``.
  ///
  /// Other parameters and the result: see ``atExit(name:phase:inForkedChildren:timeout:file:line:owner:_:)``.
  ///
  /// - Parameters:
  ///   - body: The code that runs and is waited for, given the reason and the status.
  @discardableResult
  @safe public func register(
    name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
    file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
    @_inheritActorContext _ body: consuming @escaping @Sendable @isolated(any) (ExitContext) async throws -> Void
  ) -> ExitHandler {
    Self.add(
      .asyncWithContext(body), name, timeout, ownChannel, on: reference,
      Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner))
  }
}
