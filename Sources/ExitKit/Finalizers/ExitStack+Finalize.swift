// SPDX-License-Identifier: Apache-2.0

extension ExitStack {
  /// Runs a closure once: when an object is destroyed, or when this stack runs, whichever comes first.
  ///
  /// As the free function of that name, with this stack in place of ``process``.
  ///
  /// Other parameters and the result: see ``finalize(_:name:phase:inForkedChildren:file:line:owner:_:)``.
  ///
  /// - Parameters:
  ///   - body: The code that runs. If the code captures the object, the object lives until the stack runs.
  @discardableResult
  @safe public func finalize<Object: AnyObject, Result>(
    _ object: Object, name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false,
    file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
    @_inheritActorContext _ body: consuming @escaping @Sendable @isolated(any) () throws -> Result
  ) -> Finalizer<Object, Result> {
    FinalizerMaker.make(
      IsolatedBody(body), of: object, name, ownChannel, on: reference, phase, inForkedChildren, file, line, owner)
  }

  /// Calls a function with arguments once: when an object is destroyed, or when this stack runs, whichever comes first.
  ///
  /// As the free function of that name, with this stack in place of ``process``.
  ///
  /// Other parameters and the result: see ``finalize(_:name:phase:inForkedChildren:file:line:owner:_:)``.
  ///
  /// - Parameters:
  ///   - function: The function.
  ///   - first: Its first argument. If an argument leads to the object, the object lives until the stack runs.
  ///   - rest: Its other arguments.
  @discardableResult
  @safe public func finalize<Object: AnyObject, First: Sendable, each Rest: Sendable, Result>(
    _ object: Object, name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false,
    @_inheritActorContext _ function:
      @escaping @Sendable @isolated(any) (First, repeat each Rest) throws -> Result,
    _ first: First, _ rest: repeat each Rest,
    file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle
  ) -> Finalizer<Object, Result> {
    let actor = function.isolation
    let body = IsolatedBody(nonisolated: { try Unisolated.call(function, first, repeat each rest) })
    return FinalizerMaker.make(
      body, in: .given(actor), of: object, name, ownChannel, on: reference, phase, inForkedChildren, file, line, owner)
  }

  /// Runs a closure once: when an object that is known by a protocol is destroyed, or when this stack runs, whichever comes first.
  ///
  /// For a value of type `any P`, where only classes conform to `P`. Otherwise as with an object of a known class.
  ///
  /// Other parameters: see ``finalize(_:name:phase:inForkedChildren:file:line:owner:_:)``.
  ///
  /// - Parameters:
  ///   - object: The object. The finalizer does not keep the object alive.
  ///   - body: The code that runs. If the code captures the object, the object lives until the run.
  /// - Returns: The finalizer, which gives the object back as `AnyObject`.
  @discardableResult @_disfavoredOverload
  @safe public func finalize<Result>(
    _ object: AnyObject, name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false,
    file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
    @_inheritActorContext _ body: consuming @escaping @Sendable @isolated(any) () throws -> Result
  ) -> Finalizer<AnyObject, Result> {
    FinalizerMaker.make(
      IsolatedBody(body), of: object, name, ownChannel, on: reference, phase, inForkedChildren, file, line, owner)
  }
}
