// SPDX-License-Identifier: Apache-2.0

/// The contents of a finalizer's entry, without the type of the result.
///
/// Small, since a program may have a million: a finalizer without a name and without a stack pays for neither. The
/// thread that has claimed the finalizer owns the parts that change.
class FinalizerBase {
  enum Context {
    case process
    case channel(FailureChannel)
    case named(FinalizerName)
  }

  private let node = FinalizerNode()  // the first one: see there
  private let context: Context

  @inline(__always)
  init(_ context: Context) { self.context = context }

  /// The actor of the finalizer.
  var isolation: (any Actor)? { nil }
  /// Runs the finalizer on that actor.
  func call() throws {}
  /// The same, for later, when this value may be gone.
  var callLater: @Sendable () throws -> Void { {} }
  /// Releases the captures after the run or the cancellation; a ``Finalizer`` keeps the rest.
  func letGo() {}

  /// The text for reports; `nil` where only the place is known.
  final var text: HandlerText? {
    if case .named(let name) = context { name.text } else { nil }
  }

  final var channel: FailureChannel {
    switch context {
    case .process: .process
    case .channel(let channel): channel
    case .named(let name): name.channel
    }
  }

  /// Called by the thread that has claimed the finalizer: in a run of the stack, or at the death of the object.
  final func runFromStack() {
    if let isolation, Shim.mayHandOut, !Shim.isCurrent(isolation),
      Shim.leave(HandlerOutcome(failures: [], deferred: asHandler(isolation)))
    {
      return
    }
    if let error = run({ try call() }) { report(.thrown, error) }
  }

  /// Runs a closure on the finalizer's actor, waits for the end, and returns the error.
  @inline(__always)
  final func run(_ work: () throws -> Void) -> (any Error)? {
    if let isolation, !Shim.isCurrent(isolation) { return hop(to: isolation, work) }
    do { try work() } catch { return error }
    return nil
  }

  private func hop(to isolation: any Actor, _ work: () throws -> Void) -> (any Error)? {
    let end = withoutActuallyEscaping(work) { work in
      let work = Passed(value: work)
      return ExitLoop.finish { try await work.call(on: isolation) }
    }
    if end.leftMain { report(.offMainActor, ExitError(.mainActorSilent)) }
    return end.error
  }

  /// The same as a handler, for a run that suspends.
  private func asHandler(_ isolation: any Actor) -> Handler {
    let call = IsolatedCall(isolation: isolation, body: callLater)
    return Handler(.call(call), channel: channel, text: Shim.currentText)
  }

  private func report(_ kind: ExitFailure.Kind, _ error: any Error) {
    let text = Shim.currentText
    defer { text.release() }
    let failure = ExitFailure(
      kind: kind, error: error, name: text.name, location: text.location, isFinalizer: true)
    if kind == .thrown { Shim.traceFailure(error) }
    channel.report(failure)
    Shim.leave(HandlerOutcome(failures: [failure], deferred: nil))
  }
}

extension Passed<() throws -> Void> {
  fileprivate func call(on actor: isolated any Actor) throws { try value() }
}

/// The name and the channel of a named finalizer.
final class FinalizerName: Sendable {
  let text: HandlerText
  let channel: FailureChannel

  init(_ name: String, file: StaticString, line: UInt, channel: FailureChannel) {
    text = HandlerText(name: name, file: file, line: line)
    self.channel = channel
  }

  deinit { text.release() }
}

/// The contents of a finalizer's entry.
class FinalizerBody<Result>: FinalizerBase {
  private var body: IsolatedBody<Result>?

  @inline(__always)
  init(_ context: Context, _ body: IsolatedBody<Result>) {
    self.body = body
    super.init(context)
  }

  override func call() throws { _ = try body.take()?.callHere() }
  override var callLater: @Sendable () throws -> Void { { [body] in _ = try body?.callHere() } }
  override func letGo() { body = nil }

  /// Runs the finalizer for a caller; the caller gets the error, and the failure channel does not.
  final func outcome() -> Swift.Result<Result, any Error>? {
    var result: Result?
    let error = run { result = try body.take()?.callHere() }
    return error.map { .failure($0) } ?? result.map { .success($0) }
  }
}

/// One without a result, as most are: a class that is not generic is made without a search for its metadata, which
/// takes a third of the time.
final class VoidFinalizerBody: FinalizerBase {
  private var body: IsolatedBody<Void>?

  @inline(__always)
  init(_ context: Context, _ body: IsolatedBody<Void>) {
    self.body = body
    super.init(context)
  }

  override func call() throws { try body.take()?.callHere() }
  override var callLater: @Sendable () throws -> Void { { [body] in try body?.callHere() } }
  override func letGo() { body = nil }

  func outcome() -> Swift.Result<Void, any Error> {
    run { try body.take()?.callHere() }.map { .failure($0) } ?? .success(())
  }
}

/// A finalizer that is isolated to an actor.
final class IsolatedFinalizerBody<Result>: FinalizerBody<Result> {
  private var actor: (any Actor)?

  init(_ context: Context, _ body: IsolatedBody<Result>, on actor: any Actor) {
    self.actor = actor
    super.init(context, body)
  }

  override var isolation: (any Actor)? { actor }
  override func letGo() {
    super.letGo()
    actor = nil
  }
}
