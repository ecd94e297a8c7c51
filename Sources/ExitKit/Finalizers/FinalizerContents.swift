// SPDX-License-Identifier: Apache-2.0

/// The contents of a finalizer that has more than a closure: a name, an actor, a result or a channel of its own.
///
/// Other finalizers are the two words of their closure, which stand in the entry. The entry holds a reference to the
/// contents, which the entry's `release` gives up.
final class FinalizerContents: Sendable {
  /// The closure, whatever its result is.
  let body: IsolatedBody<Void>
  /// The name, and the place; `nil` where only the place is known.
  let text: HandlerText?
  let channel: FailureChannel
  let actor: (any Actor)?
  private let call: @Sendable (IsolatedBody<Void>) throws -> Void

  init<Result>(
    _ body: consuming IsolatedBody<Void>, _ name: String?, _ how: Registration, _ channel: FailureChannel,
    _ actor: (any Actor)?, _: Result.Type
  ) {
    self.body = body
    text = name.map { HandlerText(name: $0, file: how.file, line: how.line) }
    self.channel = channel
    self.actor = actor
    call = { _ = try $0.with(Result.self).callHere() }
  }

  deinit { text?.release() }

  static func held(_ context: UnsafeMutableRawPointer) -> Unmanaged<FinalizerContents> { .fromOpaque(context) }

  /// Called by the thread that has claimed the finalizer: in a run of the stack, or at the death of the object.
  func run() {
    if let actor, Shim.mayHandOut, !Shim.isCurrent(actor), handOut(actor) { return }
    if let error = Self.run(on: actor, channel, { try call(body) }) { Self.failed(error, channel) }
  }

  /// Runs the closure of a finalizer for a caller; the caller gets the error, and the failure channel does not.
  static func outcome<Result>(
    _ body: IsolatedBody<Void>, _ contents: FinalizerContents?
  ) -> Swift.Result<Result, any Error>? {
    var result: Result?
    let error = run(on: contents?.actor, contents?.channel) { result = try body.with(Result.self).callHere() }
    return error.map { .failure($0) } ?? result.map { .success($0) }
  }

  /// Hands the closure out as a handler, to a run that suspends.
  private func handOut(_ actor: any Actor) -> Bool {
    let call = Handler.Body.call(IsolatedCall(isolation: actor) { try self.call(self.body) })
    let handler = Handler(call, channel: channel, text: Shim.currentText)
    return Shim.leave(HandlerOutcome(failures: [], deferred: handler))
  }

  /// Runs a closure on an actor, waits for the end, and returns the error.
  @inline(__always)
  static func run(on actor: (any Actor)?, _ channel: FailureChannel?, _ work: () throws -> Void) -> (any Error)? {
    if let actor, !Shim.isCurrent(actor) { return hop(to: actor, channel, work) }
    do { try work() } catch { return error }
    return nil
  }

  private static func hop(
    to actor: any Actor, _ channel: FailureChannel?, _ work: () throws -> Void
  ) -> (any Error)? {
    let end = withoutActuallyEscaping(work) { work in
      let work = Passed(value: work)
      return ExitLoop.finish { try await work.call(on: actor) }
    }
    if end.leftMain { report(.offMainActor, ExitError(.mainActorSilent), channel ?? .process) }
    return end.error
  }

  @inline(never)
  static func failed(_ error: any Error, _ channel: FailureChannel) { report(.thrown, error, channel) }

  private static func report(_ kind: ExitFailure.Kind, _ error: any Error, _ channel: FailureChannel) {
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
