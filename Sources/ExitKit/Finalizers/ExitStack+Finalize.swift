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
    @_inheritActorContext _ body: @escaping @Sendable @isolated(any) () throws -> Result
  ) -> Finalizer<Object, Result> {
    let how = Registration(
      name: name, phase: phase, inherited: inForkedChildren, limit: nil, file: file, line: line, owner: owner)
    return add(IsolatedBody(body), on: body.isolation, of: object, how)
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
    let how = Registration(
      name: name, phase: phase, inherited: inForkedChildren, limit: nil, file: file, line: line, owner: owner)
    let body = IsolatedBody(nonisolated: { try Unisolated.call(function, first, repeat each rest) })
    return add(body, on: function.isolation, of: object, how)
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
    @_inheritActorContext _ body: @escaping @Sendable @isolated(any) () throws -> Result
  ) -> Finalizer<AnyObject, Result> {
    let how = Registration(
      name: name, phase: phase, inherited: inForkedChildren, limit: nil, file: file, line: line, owner: owner)
    return add(IsolatedBody(body), on: body.isolation, of: object, how)
  }

  @inline(__always)
  func add<Object: AnyObject, Result>(
    _ body: IsolatedBody<Result>, on actor: (any Actor)?, of object: Object, _ how: Registration
  ) -> Finalizer<Object, Result> {
    let base = base(body, on: actor, how)
    var isPrompt = Shim.isWatched(object) || Object.self == Lifetime.self || FinalizerService.watch(object)
    let (raw, error) = Shim.add(base, of: object, place: actor, prompt: &isPrompt, on: reference, how)
    if let error { base.tellNotRegistered(error, name: how.name, file: how.file, line: how.line) }
    return Finalizer(
      body: FinalizerReference(base: base), raw: raw, file: how.file, line: how.line, name: how.name,
      isPrompt: isPrompt)
  }

  @inline(__always)
  private func base<Result>(
    _ body: IsolatedBody<Result>, on actor: (any Actor)?, _ how: Registration
  ) -> FinalizerBase {
    let context =
      how.name == nil && channel === FailureChannel.process ? .process : context(how.name, how.file, how.line)
    if let actor { return IsolatedFinalizerBody(context, body, on: actor) }
    if let body = body.returningVoid { return VoidFinalizerBody(context, body) }
    return FinalizerBody(context, body)
  }

  @inline(never)
  private func context(_ name: String?, _ file: StaticString, _ line: UInt) -> FinalizerBase.Context {
    name.map { .named(FinalizerName($0, file: file, line: line, channel: channel)) } ?? .channel(channel)
  }
}

extension FinalizerBase {
  @inline(never)
  fileprivate func tellNotRegistered(_ error: ExitError, name: String?, file: StaticString, line: UInt) {
    let location = ExitLocation(fileID: "\(file)", line: line)
    channel.report(
      ExitFailure(kind: .notRegistered, error: error, name: name, location: location, isFinalizer: true))
  }
}
