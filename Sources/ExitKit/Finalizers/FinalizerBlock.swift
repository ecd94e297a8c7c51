// SPDX-License-Identifier: Apache-2.0

/// The contents of a finalizer's entry: one piece of memory, which the entry's `release` frees.
///
/// Small, since a program may have a million: a finalizer without a name, an actor, a result and a stack pays for none of
/// these. The thread that has claimed the entry owns the block.
struct FinalizerBlock {
  private let node = FinalizerNode()  // the first one: see there
  /// The closure, whatever its result is; `nil` once the closure has been taken.
  private var body: IsolatedBody<Void>?
  private let rest: FinalizerRest?

  /// `nil`: no memory.
  @inline(__always)
  static func make(_ body: consuming IsolatedBody<Void>, _ rest: FinalizerRest?) -> UnsafeMutableRawPointer? {
    guard let memory = Shim.allocate(MemoryLayout<Self>.size) else { return nil }
    memory.initializeMemory(as: Self.self, to: Self(body: body, rest: rest))
    return memory
  }

  /// Called by the thread that has claimed the finalizer: in a run of the stack, or at the death of the object.
  static func run(_ memory: UnsafeMutableRawPointer) {
    let block = memory.assumingMemoryBound(to: Self.self)
    if let rest = block.pointee.rest { return rest.run(block.pointee.body.take()!) }
    do { try block.pointee.body.take()!.callHere() } catch { FinalizerRest.failed(error, .process) }
  }

  /// Runs the finalizer for a caller; the caller gets the error, and the failure channel does not.
  static func outcome<Result>(_ memory: UnsafeMutableRawPointer) -> Swift.Result<Result, any Error>? {
    let block = memory.assumingMemoryBound(to: Self.self), rest = block.pointee.rest
    let body = block.pointee.body.take()!.with(Result.self)
    var result: Result?
    let error = FinalizerRest.run(on: rest?.actor, rest?.channel) { result = try body.callHere() }
    return error.map { .failure($0) } ?? result.map { .success($0) }
  }

  /// Releases the closure, unless the closure has been taken; C may still use the node.
  static func end(_ memory: UnsafeMutableRawPointer) {
    memory.assumingMemoryBound(to: Self.self).deinitialize(count: 1)
  }

  /// Frees a block that C has refused.
  static func release(_ memory: UnsafeMutableRawPointer) {
    end(memory)
    Shim.free(memory)
  }
}

/// What most finalizers do not have.
final class FinalizerRest: Sendable {
  /// The name, and the place; `nil` where only the place is known.
  let text: HandlerText?
  let channel: FailureChannel
  let actor: (any Actor)?
  private let call: @Sendable (IsolatedBody<Void>) throws -> Void

  init<Result>(
    _ name: String?, _ how: Registration, _ channel: FailureChannel, _ actor: (any Actor)?, _: Result.Type
  ) {
    text = name.map { HandlerText(name: $0, file: how.file, line: how.line) }
    self.channel = channel
    self.actor = actor
    call = { _ = try $0.with(Result.self).callHere() }
  }

  deinit { text?.release() }

  func run(_ body: IsolatedBody<Void>) {
    if let actor, Shim.mayHandOut, !Shim.isCurrent(actor), handOut(body, actor) { return }
    if let error = Self.run(on: actor, channel, { try call(body) }) { Self.failed(error, channel) }
  }

  /// Hands the closure out as a handler, to a run that suspends.
  private func handOut(_ body: IsolatedBody<Void>, _ actor: any Actor) -> Bool {
    let call = Handler.Body.call(IsolatedCall(isolation: actor) { try self.call(body) })
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
