// SPDX-License-Identifier: Apache-2.0

/// Makes finalizers.
///
/// The parameters of a registration go one by one. As one value, they would be written to memory for the rare functions
/// below, in each call of the usual way.
enum FinalizerMaker {
  @inline(__always)
  static func make<Object: AnyObject, Result>(
    _ body: consuming IsolatedBody<Result>, in isolation: FinalizerIsolation = .ofClosure, of object: Object,
    _ name: String?, _ channel: FailureChannel?, on stack: StackReference, _ phase: ExitPhase, _ inherited: Bool,
    _ file: StaticString, _ line: UInt, _ owner: UnsafeRawPointer
  ) -> Finalizer<Object, Result> {
    // A closure of a known type: asking for metadata of Result takes longer than all the rest.
    let closure = HeldClosure(body.with(Void.self))
    let isPrompt = Shim.isWatched(object) || watch(object, Object.self)
    let made: Shim.Made
    if name == nil, channel == nil, !isIsolated(closure, isolation), Result.self == Void.self {
      let how = Registration(phase: phase, inherited: inherited, file: file, line: line, owner: owner)
      made = Shim.add(closure, of: object, prompt: isPrompt, on: stack, how)
    } else {
      made = add(
        closure, in: isolation, of: object, prompt: isPrompt, name, channel, on: stack, phase, inherited, file, line,
        owner, Result.self)
    }
    if let error = made.error { refuse(error, name, file, line, channel) }
    return Finalizer(raw: made.raw, file: file, line: line, name: name, isPrompt: made.isPrompt)
  }

  @inline(never)
  private static func watch<Object: AnyObject>(_ object: Object, _: Object.Type) -> Bool {
    Object.self == Lifetime.self || FinalizerService.watch(object)
  }

  @inline(__always)
  private static func isIsolated(_ closure: HeldClosure, _ isolation: FinalizerIsolation) -> Bool {
    switch isolation {
    case .ofClosure: closure.isIsolated
    case .given(let actor): actor != nil
    }
  }

  /// A finalizer with more than a closure.
  @inline(never)
  private static func add<Result>(
    _ closure: HeldClosure, in isolation: FinalizerIsolation, of object: AnyObject, prompt: Bool, _ name: String?,
    _ channel: FailureChannel?, on stack: StackReference, _ phase: ExitPhase, _ inherited: Bool,
    _ file: StaticString, _ line: UInt, _ owner: UnsafeRawPointer, _: Result.Type
  ) -> Shim.Made {
    let body = closure.takeFinalizer()
    let actor =
      switch isolation {
      case .ofClosure: body.isolation
      case .given(let actor): actor
      }
    let how = Registration(phase: phase, inherited: inherited, file: file, line: line, owner: owner)
    let contents = FinalizerContents(body, name, how, channel ?? .process, actor, Result.self)
    return Shim.add(contents, of: object, prompt: prompt, on: stack, how)
  }

  @inline(never)
  private static func refuse(
    _ error: ExitError, _ name: String?, _ file: StaticString, _ line: UInt, _ channel: FailureChannel?
  ) {
    let location = ExitLocation(fileID: "\(file)", line: line)
    (channel ?? .process).report(
      ExitFailure(kind: .notRegistered, error: error, name: name, location: location, isFinalizer: true))
  }
}

/// The isolation of a finalizer: as its closure says, or as given, for a closure around another closure.
enum FinalizerIsolation {
  case ofClosure
  case given((any Actor)?)
}
