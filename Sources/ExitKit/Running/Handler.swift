// SPDX-License-Identifier: Apache-2.0

/// A handler that does not run at once where its stack has come to it: on an actor, asynchronously, or by a task.
///
/// An entry has no handler object. The entry holds a closure as two words, or a ``HandlerBlock``.
final class Handler: Sendable {
  enum Body: Sendable {
    case plain(HeldClosure.Body)
    case withContext(@Sendable @isolated(any) (ExitContext) throws -> Void)
    case call(IsolatedCall)
    case async(@Sendable @isolated(any) () async throws -> Void)
    case asyncWithContext(@Sendable @isolated(any) (ExitContext) async throws -> Void)
  }

  private let body: Body
  /// The channel that is told of failures; `nil`: the process's.
  private let channel: FailureChannel?
  private let text: HandlerText

  init(_ body: consuming Body, channel: FailureChannel?, text: HandlerText) {
    self.body = body
    self.channel = channel
    self.text = text
  }

  deinit { text.release() }

  /// Runs a closure without a parameter that stands in the entry.
  @inline(__always)
  static func run(_ closure: HeldClosure) {
    guard closure.isHere else { return runElsewhere(closure, nil) }
    do { try closure.callUnisolated() } catch { failed(error, .process) }
  }

  /// The same, of a closure with a context.
  @inline(__always)
  static func runWithContext(_ closure: HeldClosure) {
    guard closure.isHere else { return runElsewhere(closure, nil) }
    do { try closure.takeUnisolatedWithContext()(.current) } catch { failed(error, .process) }
  }

  /// Runs a closure of any kind; the channel is told of failures, `nil`: the process's.
  static func run(_ closure: HeldClosure, _ channel: FailureChannel?) {
    do {
      switch closure.kind {
      case .plain where closure.isHere: try closure.callUnisolated()
      case .withContext where closure.isHere: try closure.takeUnisolatedWithContext()(.current)
      default: runElsewhere(closure, channel)
      }
    } catch {
      failed(error, channel ?? .process)
    }
  }

  /// Runs the closure on its actor, asynchronously, or hands the closure out.
  @inline(never)
  static func runElsewhere(_ closure: HeldClosure, _ channel: FailureChannel?) {
    Handler(closure.takeBody(), channel: channel, text: Shim.currentText).runFromStack()
  }

  @inline(never)
  private static func failed(_ error: any Error, _ channel: FailureChannel) {
    let text = Shim.currentText
    defer { text.release() }
    let failures = channel.report(ExitLoop.End(error: error), of: text)
    Shim.leave(HandlerOutcome(failures: failures, deferred: nil))
  }

  /// Called by the stack that has claimed the handler.
  private func runFromStack() {
    if Shim.mayHandOut, Shim.leave(HandlerOutcome(failures: [], deferred: self)) { return }
    guard let failures = run(), !failures.isEmpty else { return }
    Shim.leave(HandlerOutcome(failures: failures, deferred: nil))
  }

  /// Runs the handler before returning: on this thread, or with this thread as the executor of the handler's jobs.
  ///
  /// `nil` where all went well: asking an array whether the array is empty takes memory, the first time in a debug
  /// build.
  private func run() -> [ExitFailure]? {
    var end = ExitLoop.End()
    do {
      if try callHere() { return nil }
      end = ExitLoop.finish { try await self.callAnywhere() }
    } catch {
      end.error = error
    }
    return (channel ?? .process).report(end, of: text)
  }

  /// Runs the handler for a task, without holding the task's thread and without cancellation: clean-up goes on in a
  /// cancelled task.
  nonisolated(nonsending) func runForTask() async -> [ExitFailure] {
    var end = ExitLoop.End()
    do {
      if try callHere() { return [] }
      try await Task { try await self.callAnywhere() }.value
    } catch {
      end.error = error
    }
    return (channel ?? .process).report(end, of: text)
  }

  /// Calls a synchronous body; `false` if the body is asynchronous, or isolated to another actor, and was not called.
  private func callHere() throws -> Bool {
    switch body {
    case .plain(let body):
      guard Self.isHere(body.isolation) else { return false }
      try Unisolated.body(body)()
    case .withContext(let body):
      guard Self.isHere(body.isolation) else { return false }
      try Unisolated.body(body)(.current)
    case .call(let call):
      guard Self.isHere(call.isolation) else { return false }
      try call.body()
    case .async, .asyncWithContext:
      return false
    }
    return true
  }

  private static func isHere(_ actor: (any Actor)?) -> Bool {
    guard let actor else { return true }
    return Shim.isCurrent(actor)
  }

  @concurrent private func callAnywhere() async throws {
    switch body {
    case .plain(let body): try await body()
    case .withContext(let body): try await body(.current)
    case .call(let call): try await call.call(on: call.isolation)
    case .async(let body): try await body()
    case .asyncWithContext(let body): try await body(.current)
    }
  }

}

/// A function bound to its arguments: the type does not show the isolation any more.
final class IsolatedCall: Sendable {
  let isolation: any Actor
  let body: @Sendable () throws -> Void

  init(isolation: any Actor, body: @escaping @Sendable () throws -> Void) {
    self.isolation = isolation
    self.body = body
  }

  func call(on actor: isolated any Actor) throws { try body() }
}

/// The outcome that a handler leaves for the observed run.
final class HandlerOutcome: Sendable {
  let failures: [ExitFailure]
  /// The handler itself, handed out to be run by a task.
  let deferred: Handler?

  init(failures: [ExitFailure], deferred: Handler?) {
    self.failures = failures
    self.deferred = deferred
  }
}

/// A handler that an observed run has come past.
struct HandlerStep {
  let name: String?
  let location: ExitLocation?
  let isFinalizer: Bool
  let duration: Duration
  let failures: [ExitFailure]
  /// The handler itself, handed out to be run by a task.
  let deferred: Handler?

  init(_ text: HandlerText, _ duration: Duration, _ failures: [ExitFailure], _ deferred: Handler?) {
    (name, location, isFinalizer) = (text.name, text.location, text.isFinalizer)
    (self.duration, self.failures, self.deferred) = (duration, failures, deferred)
  }
}

/// A run that C observes.
struct ObservedRun {
  /// Where failures of C handlers go.
  let channel: FailureChannel
  var steps: [HandlerStep] = []
  /// What the C handler that is running has reported so far.
  var failures: [ExitFailure] = []

  init(channel: FailureChannel) { self.channel = channel }
}

extension ExitContext {
  static var current: ExitContext {
    guard Shim.isExiting else { return ExitContext(reason: Shim.isUnloading ? .unload : .run, status: nil) }
    var sender: Int32 = 0
    let number = Shim.exitSignal(sender: &sender)
    let kind = number == 0 ? ExitContext.Reason.Kind.exit : .signal(ExitSignal(rawValue: number))
    return ExitContext(reason: .init(kind: kind, sender: sender == 0 ? nil : sender), status: Shim.exitStatus)
  }
}
