// SPDX-License-Identifier: Apache-2.0

/// What a stack holds for one finalizer, as far as the type of its result does not matter.
///
/// Small, since there may be a million of them: who has no name and no stack of its own pays for neither.
class FinalizerBase {
  enum Context {
    case process
    case channel(FailureChannel)
    case named(FinalizerName)
  }

  private let node = FinalizerNode()  // the first one: see there
  private let context: Context

  init(_ context: Context) { self.context = context }

  /// Where it has to run.
  var isolation: (any Actor)? { nil }
  /// Runs it, there.
  func call() throws {}

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
    let isolation = isolation
    if Shim.isDeferring, let isolation, !MainStandIn.isCurrent(isolation) {
      return Shim.leave(HandlerOutcome(failures: [], deferred: asHandler(isolation)))
    }
    var end = ExitLoop.End()
    run(isolation, &end) { try call() }
    let failures = report(end)
    if !failures.isEmpty { Shim.leave(HandlerOutcome(failures: failures, deferred: nil)) }
  }

  /// Runs something where the finalizer has to run, and waits for it.
  final func run(_ isolation: (any Actor)?, _ end: inout ExitLoop.End, _ work: () throws -> Void) {
    guard let isolation, !MainStandIn.isCurrent(isolation) else {
      do { try work() } catch { end.error = error }
      return
    }
    end = withoutActuallyEscaping(work) { work in
      let work = Passed(value: work)
      return ExitLoop.finish { try await work.call(on: isolation) }
    }
  }

  /// The same as a handler, for a run that suspends.
  private func asHandler(_ isolation: any Actor) -> Handler? {
    let body = Passed(value: self)
    let call = IsolatedCall(isolation: isolation) { try body.value.call() }
    return Shim.currentText.map { Handler(.call(call), channel: channel, text: $0) }
  }

  final func report(_ end: ExitLoop.End) -> [ExitFailure] {
    guard end.leftMain || end.error != nil else { return [] }
    let text = Shim.currentText
    defer { text?.release() }
    func failure(_ kind: ExitFailure.Kind, _ error: any Error) -> ExitFailure {
      ExitFailure(kind: kind, error: error, name: text?.name, location: text?.location)
    }
    var failures: [ExitFailure] = []
    if end.leftMain { failures.append(failure(.offMainActor, ExitError(code: .mainActorSilent, errno: 0))) }
    if let error = end.error { failures.append(failure(.thrown, error)) }
    failures.forEach(channel.report)
    return failures
  }
}

extension Passed<() throws -> Void> {
  fileprivate func call(on actor: isolated any Actor) throws { try value() }
}

/// The name of a finalizer that has one, and its channel.
final class FinalizerName: Sendable {
  let text: HandlerText
  let channel: FailureChannel

  init(_ name: String, _ how: Registration, channel: FailureChannel) {
    text = HandlerText(name: name, file: how.file, line: how.line, limit: 0)
    self.channel = channel
  }

  deinit { text.release() }
}

/// What a stack holds for one finalizer.
class FinalizerBody<Result>: FinalizerBase {
  private let body: @Sendable @isolated(any) () throws -> Result

  init(_ context: Context, _ body: @escaping @Sendable @isolated(any) () throws -> Result) {
    self.body = body
    super.init(context)
  }

  override var isolation: (any Actor)? { body.isolation }
  override func call() throws { _ = try result() }
  final func result() throws -> Result { try Unisolated.call(body) }

  /// Runs it for a caller, who is told what it throws in place of the failure channel.
  final func outcome() -> Swift.Result<Result, any Error>? {
    var result: Result?
    var end = ExitLoop.End()
    run(isolation, &end) { result = try self.result() }
    let error = end.error
    end.error = nil
    _ = report(end)
    return error.map { .failure($0) } ?? result.map { .success($0) }
  }
}

/// One whose closure does not show where it has to run: a function with its arguments.
final class FinalizerCall<Result>: FinalizerBody<Result> {
  private let actor: any Actor

  init(_ context: Context, on actor: any Actor, _ body: @escaping @Sendable () throws -> Result) {
    self.actor = actor
    super.init(context, body)
  }

  override var isolation: (any Actor)? { actor }
}
