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
    let how = Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner)
    let body = IsolatedBody(body)
    return Self.add(body, body.isolation, of: object, name, ownChannel, on: reference, how)
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
    let how = Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner)
    let actor = function.isolation
    let body = IsolatedBody(nonisolated: { try Unisolated.call(function, first, repeat each rest) })
    return Self.add(body, actor, of: object, name, ownChannel, on: reference, how)
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
    let how = Registration(phase: phase, inherited: inForkedChildren, file: file, line: line, owner: owner)
    let body = IsolatedBody(body)
    return Self.add(body, body.isolation, of: object, name, ownChannel, on: reference, how)
  }

  @inline(__always)
  static func add<Object: AnyObject, Result>(
    _ body: consuming IsolatedBody<Result>, _ actor: (any Actor)?, of object: Object, _ name: String?,
    _ channel: FailureChannel?, on stack: StackReference, _ how: Registration
  ) -> Finalizer<Object, Result> {
    let body = body.with(Void.self)
    let isUsual = name == nil && channel == nil && actor == nil && Result.self == Void.self
    let rest = isUsual ? nil : FinalizerRest(name, how, channel ?? .process, actor, Result.self)
    var isPrompt = Shim.isWatched(object) || Object.self == Lifetime.self || FinalizerService.watch(object)
    let registered =
      FinalizerBlock.make(body, rest).map {
        Shim.add($0, of: object, place: actor, prompt: &isPrompt, on: stack, rest?.text?.cName, how)
      } ?? Shim.noMemory
    if let error = registered.error { refuse(error, name, how, channel ?? .process, isFinalizer: true) }
    return Finalizer(raw: registered.raw, file: how.file, line: how.line, name: name, isPrompt: isPrompt)
  }
}
