// SPDX-License-Identifier: Apache-2.0

extension ExitStack {
  /// Runs a closure once: when an object is destroyed, or when this stack runs, whichever comes first.
  ///
  /// As the free function of that name, with this stack in place of ``process``.
  ///
  /// - Parameters:
  ///   - object: The object. It is not kept alive.
  ///   - name: A name for reports, and for ``ExitStack/cancel(named:)``.
  ///   - phase: When it runs among the handlers of its stack.
  ///   - inherited: Whether a forked child runs it as well, as its own.
  ///   - file: The file that reports name.
  ///   - line: The line that reports name.
  ///   - owner: The object file that registers, whose handlers run before it is unloaded.
  ///   - body: What to run. If it captures the object, the object lives until the stack runs.
  /// - Returns: The finalizer, to ask or to call. Where registering failed it is not alive, what the closure captured
  ///   is released, and the failure channel has been told.
  @discardableResult
  public func finalize<Object: AnyObject, Result>(
    _ object: Object, name: String? = nil, phase: ExitPhase = .normal, inherited: Bool = false,
    file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle,
    @_inheritActorContext _ body: @escaping @Sendable @isolated(any) () throws -> Result
  ) -> Finalizer<Object, Result> {
    let how = Registration(name: name, phase: phase, inherited: inherited, file: file, line: line, owner: owner)
    return add(FinalizerBody(context(how), body), of: object, how)
  }

  /// Calls a function with arguments once: when an object is destroyed, or when this stack runs, whichever comes first.
  ///
  /// As the free function of that name, with this stack in place of ``process``.
  ///
  /// - Parameters:
  ///   - object: The object. It is not kept alive.
  ///   - name: A name for reports, and for ``ExitStack/cancel(named:)``.
  ///   - phase: When it runs among the handlers of its stack.
  ///   - inherited: Whether a forked child runs it as well, as its own.
  ///   - function: What to call.
  ///   - first: Its first argument. If an argument leads to the object, the object lives until the stack runs.
  ///   - rest: Its other arguments.
  ///   - file: The file that reports name.
  ///   - line: The line that reports name.
  ///   - owner: The object file that registers, whose handlers run before it is unloaded.
  /// - Returns: The finalizer, to ask or to call. Where registering failed it is not alive, what it kept is released,
  ///   and the failure channel has been told.
  @discardableResult
  public func finalize<Object: AnyObject, First: Sendable, each Rest: Sendable, Result>(
    _ object: Object, name: String? = nil, phase: ExitPhase = .normal, inherited: Bool = false,
    @_inheritActorContext _ function:
      @escaping @Sendable @isolated(any) (First, repeat each Rest) throws -> Result,
    _ first: First, _ rest: repeat each Rest,
    file: StaticString = #fileID, line: UInt = #line, owner: UnsafeRawPointer = #dsohandle
  ) -> Finalizer<Object, Result> {
    let how = Registration(name: name, phase: phase, inherited: inherited, file: file, line: line, owner: owner)
    let call: @Sendable () throws -> Result = { try Unisolated.call(function, first, repeat each rest) }
    let body = function.isolation.map { FinalizerCall(context(how), on: $0, call) } ?? FinalizerBody(context(how), call)
    return add(body, of: object, how)
  }

  private func context(_ how: Registration) -> FinalizerBase.Context {
    if let name = how.name { return .named(FinalizerName(name, how, channel: channel)) }
    return channel === FailureChannel.process ? .process : .channel(channel)
  }

  private func add<Object: AnyObject, Result>(
    _ body: FinalizerBody<Result>, of object: Object, _ how: Registration
  ) -> Finalizer<Object, Result> {
    var isPrompt = Object.self == Lifetime.self || Shim.isWatched(object) || FinalizerService.watch(object)
    let (raw, error) = Shim.add(body, of: object, prompt: &isPrompt, on: reference, how)
    if let error {
      body.channel.report(
        ExitFailure(
          kind: .notRegistered, error: error, name: how.name,
          location: ExitLocation(fileID: "\(how.file)", line: how.line)))
    }
    return Finalizer(
      body: Passed(value: body), raw: raw, file: how.file, line: how.line, name: how.name, isPrompt: isPrompt)
  }
}
