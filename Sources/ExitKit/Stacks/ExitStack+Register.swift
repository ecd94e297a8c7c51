// SPDX-License-Identifier: Apache-2.0

// Each closure comes in under its own type; from `add` on there is one kind of handler.

extension ExitStack {
  /// Runs a closure when this stack runs.
  ///
  /// An error that it throws is reported (see ``ExitStack/onFailure(_:)``), and the others run. It runs on the thread
  /// that runs the stack; one that is isolated to an actor runs there (for the main actor see
  /// ``ProcessExitStack/mainActorGracePeriod``).
  ///
  /// The other parameters and the result are those of ``atExit(name:phase:inForkedChildren:timeout:file:line:owner:_:)``.
  ///
  /// - Parameters:
  ///   - body: What to run.
  @discardableResult
  @safe public func register(
    name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
    file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
    @_inheritActorContext _ body: consuming @escaping @Sendable @isolated(any) () throws -> Void
  ) -> ExitHandler {
    if name == nil, timeout == nil, ownChannel == nil {
      let how = Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner)
      return Self.add(body, on: reference, how)
    }
    return add(
      .plain(body),
      Registration(
        name: name, phase: phase, inherited: inForkedChildren, limit: timeout, file: file, line: line, owner: owner))
  }

  /// Runs a closure that is told about the exit when this stack runs.
  ///
  /// As the closure without a parameter, with an ``ExitContext``.
  ///
  /// The other parameters and the result are those of ``atExit(name:phase:inForkedChildren:timeout:file:line:owner:_:)``.
  ///
  /// - Parameters:
  ///   - body: What to run; it receives the reason and the status.
  @discardableResult
  @safe public func register(
    name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
    file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
    @_inheritActorContext _ body: @escaping @Sendable @isolated(any) (ExitContext) throws -> Void
  ) -> ExitHandler {
    add(
      .withContext(body),
      Registration(
        name: name, phase: phase, inherited: inForkedChildren, limit: timeout, file: file, line: line, owner: owner))
  }

  /// Runs an asynchronous closure when this stack runs and waits for it.
  ///
  /// The thread that runs the stack runs the closure's jobs itself until it has finished, so it needs no thread of the
  /// cooperative pool, and it may hop to any actor, the main actor included, even from the main thread. It does not see
  /// the cancellation of any task. It must not wait for an actor that the exit was called from: that one is not free.
  ///
  /// The other parameters and the result are those of ``atExit(name:phase:inForkedChildren:timeout:file:line:owner:_:)``.
  ///
  /// - Parameters:
  ///   - body: What to run and to wait for.
  @discardableResult
  @safe public func register(
    name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
    file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
    @_inheritActorContext _ body: @escaping @Sendable @isolated(any) () async throws -> Void
  ) -> ExitHandler {
    add(
      .async(body),
      Registration(
        name: name, phase: phase, inherited: inForkedChildren, limit: timeout, file: file, line: line, owner: owner))
  }

  /// Runs an asynchronous closure that is told about the exit when this stack runs and waits for it.
  ///
  /// As the asynchronous closure without a parameter, with an ``ExitContext``.
  ///
  /// The other parameters and the result are those of ``atExit(name:phase:inForkedChildren:timeout:file:line:owner:_:)``.
  ///
  /// - Parameters:
  ///   - body: What to run and to wait for; it receives the reason and the status.
  @discardableResult
  @safe public func register(
    name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
    file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
    @_inheritActorContext _ body: @escaping @Sendable @isolated(any) (ExitContext) async throws -> Void
  ) -> ExitHandler {
    add(
      .asyncWithContext(body),
      Registration(
        name: name, phase: phase, inherited: inForkedChildren, limit: timeout, file: file, line: line, owner: owner))
  }
}
