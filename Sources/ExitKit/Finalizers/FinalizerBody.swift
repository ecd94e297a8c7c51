// SPDX-License-Identifier: Apache-2.0

/// What a stack holds for one finalizer, as far as the type of its result does not matter.
///
/// Small, since there may be a million of them: who has no name and no stack of its own pays for neither. What can
/// change belongs to whoever has claimed the finalizer.
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

  /// Where it has to run.
  var isolation: (any Actor)? { nil }
  /// Runs it, there.
  func call() throws {}
  /// The same, for later: what this holds may be gone by then.
  var callLater: @Sendable () throws -> Void { {} }
  /// Lets go of what it captured: it has run or was cancelled, and those who hold it as a ``Finalizer`` keep the rest.
  func letGo() {}

  /// The text for reports, where it says more than the place.
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

  /// Called by whoever has claimed the finalizer: a run of its stack, or the thread that its object died on.
  final func runFromStack() {
    if let isolation, Shim.mayHandOut, !Shim.isCurrent(isolation),
      Shim.leave(HandlerOutcome(failures: [], deferred: asHandler(isolation)))
    {
      return
    }
    if let error = run({ try call() }) { report(.thrown, error) }
  }

  /// Runs something where the finalizer has to run, waits for it, and returns what it threw.
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
    let failure = ExitFailure(kind: kind, error: error, name: text.name, location: text.location)
    channel.report(failure)
    Shim.leave(HandlerOutcome(failures: [failure], deferred: nil))
  }
}

extension Passed<() throws -> Void> {
  fileprivate func call(on actor: isolated any Actor) throws { try value() }
}

/// The name of a finalizer that has one, and its channel.
final class FinalizerName: Sendable {
  let text: HandlerText
  let channel: FailureChannel

  init(_ name: String, file: StaticString, line: UInt, channel: FailureChannel) {
    text = HandlerText(name: name, file: file, line: line, limit: 0)
    self.channel = channel
  }

  deinit { text.release() }
}

/// What a stack holds for one finalizer.
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

  /// Runs it for a caller, who is told what it throws in place of the failure channel.
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

/// One that has to run on an actor.
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
