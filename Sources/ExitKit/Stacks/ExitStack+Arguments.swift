// SPDX-License-Identifier: Apache-2.0

extension ExitStack {
  /// Calls a function with arguments when this stack runs.
  ///
  /// The arguments are evaluated now and kept until the function has run or was cancelled. Otherwise as with a closure
  /// without a parameter. A method of an actor needs a closure around the call: a method that is bound to the actor
  /// does not say where the call has to run (Swift 6.3).
  ///
  /// Other parameters and the result: see ``atExit(name:phase:inForkedChildren:timeout:file:line:owner:_:)``.
  ///
  /// - Parameters:
  ///   - function: The function.
  ///   - first: Its first argument.
  ///   - rest: Its other arguments.
  @discardableResult
  @safe public func register<First: Sendable, each Rest: Sendable>(
    name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
    @_inheritActorContext _ function:
      @escaping @Sendable @isolated(any) (First, repeat each Rest) throws -> Void,
    _ first: First, _ rest: repeat each Rest,
    file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle
  ) -> ExitHandler {
    let call: @Sendable () throws -> Void = { try Unisolated.call(function, first, repeat each rest) }
    return Self.add(
      function.isolation.map { .call(IsolatedCall(isolation: $0, body: call)) } ?? .plain(call), name, timeout,
      ownChannel, on: reference,
      Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner))
  }

  /// Calls an asynchronous function with arguments when this stack runs and waits for it.
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
  @safe public func register<First: Sendable, each Rest: Sendable>(
    name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false, timeout: Duration? = nil,
    @_inheritActorContext _ function:
      @escaping @Sendable @isolated(any) (First, repeat each Rest) async throws -> Void,
    _ first: First, _ rest: repeat each Rest,
    file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle
  ) -> ExitHandler {
    Self.add(
      .async { try await function(first, repeat each rest) }, name, timeout, ownChannel, on: reference,
      Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner))
  }
}
