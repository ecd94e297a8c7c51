// SPDX-License-Identifier: Apache-2.0

/// Where the failures of a stack's handlers go: its reporter, its parent's, the process's, or else stderr.
final class FailureChannel: Sendable {
  static let process = FailureChannel(parent: nil)

  private struct State {
    var reporter: FailureReporter?
    var status: Int32?
  }

  private let parent: FailureChannel?
  private let state = Locked(State())

  init(parent: FailureChannel?) { self.parent = parent }

  var status: Int32? {
    get { isProcess ? Shim.failureStatus == 0 ? nil : Shim.failureStatus : state.withLock { $0.status } }
    set { if isProcess { Shim.setFailureStatus(newValue ?? 0) } else { state.withLock { $0.status = newValue } } }
  }

  /// The process's status belongs to all copies of the library.
  private var isProcess: Bool { parent == nil }

  func set(_ reporter: FailureReporter?) {
    let before = state.withLock { state in
      let before = state.reporter
      state.reporter = reporter
      return before
    }
    if isProcess { Shim.hearFailures(reporter != nil) }
    withExtendedLifetime(before) {}  // its captures go here, outside the lock
  }

  func report(_ failure: ExitFailure) {
    if failure.kind == .offMainActor, !MainActorSilence.isNews() { return }
    if failure.kind == .thrown, Shim.isExiting, let status = inheritedStatus { Shim.requestStatus(status) }
    if !tell(failure) && !Shim.reportFailure(failure) { Shim.writeLine(failure.description) }
  }

  /// Tells the reporter; `false` where this copy of the library has none.
  private func tell(_ failure: ExitFailure) -> Bool {
    guard let reporter = inheritedReporter else { return false }
    if let error = reporter.report(failure) {
      Shim.writeLine(failure.description)
      Shim.writeLine("ExitKit: error in failure reporter: \(error)".onOneLine)
    }
    return true
  }

  /// Reports a failure of a handler of C or of another copy, where the status is taken care of.
  ///
  /// This copy passes the failure to no other copy: a failure does not go round in a circle.
  func reportForeign(_ failure: ExitFailure) { if !tell(failure) { Shim.writeLine(failure.description) } }

  /// Reports how a handler ended, and returns the failures.
  func report(_ end: ExitLoop.End, of text: HandlerText) -> [ExitFailure] {
    var failures: [ExitFailure] = []
    func add(_ kind: ExitFailure.Kind, _ error: any Error) {
      failures.append(
        ExitFailure(
          kind: kind, error: error, name: text.name, location: text.location, isFinalizer: text.isFinalizer))
    }
    if end.leftMain { add(.offMainActor, ExitError(.mainActorSilent)) }
    if let error = end.error {
      Shim.traceFailure(error)
      add(.thrown, error)
    }
    failures.forEach(report)
    return failures
  }

  private var inheritedStatus: Int32? { status ?? parent?.inheritedStatus }

  private var inheritedReporter: FailureReporter? {
    state.withLock { $0.reporter } ?? parent?.inheritedReporter
  }
}

/// A closure that failures are reported to, in place of stderr.
struct FailureReporter: Sendable {
  let body: @Sendable (ExitFailure) throws -> Void
  let isolation: (any Actor)?

  /// Returns the reporter's error.
  func report(_ failure: ExitFailure) -> (any Error)? {
    if let isolation, !Shim.isCurrent(isolation) {
      return ExitLoop.finish { try await call(failure, on: isolation) }.error
    }
    do { try body(failure) } catch { return error }
    return nil
  }

  private func call(_ failure: ExitFailure, on actor: isolated any Actor) throws { try body(failure) }
}
