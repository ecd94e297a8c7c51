// SPDX-License-Identifier: Apache-2.0

/// The main actor's executor while a thread waits for a handler.
///
/// That thread may be the main actor's own: then it has to run the main actor's jobs, or they never run. Or it is
/// another one, and the main thread may be stuck. So jobs wait here, and whoever comes first takes them: the main
/// queue, which is asked to each time, the waiting thread if it is the main actor's, or any waiting thread when the
/// main queue has not answered for the grace period.
final class MainStandIn: SerialExecutor {
  static let shared = MainStandIn()

  enum Next {
    case run
    case tookOver
    case wait(Duration?)
  }

  fileprivate struct State {
    var jobs = JobQueue()
    var loops: [ExitLoop] = []
    var grace = Duration.seconds(1)
    var waitingSince: ContinuousClock.Instant?
    var isPosted = false  // the main queue has been asked to serve
    var isServing = false  // and does
    var isSilent = false  // it has let the grace period pass since it last served
    var isTakenOver = false  // a thread that is not the main actor's runs a job
  }

  private let state = Locked(State())

  var grace: Duration {
    get { state.withLock { $0.grace } }
    set { state.withLock { $0.grace = newValue } }
  }

  // MARK: Loops

  func begin(_ loop: ExitLoop) {
    state.withLock { state in
      state.loops.append(loop)
      if state.loops.count == 1 { Shim.standInForMain(asUnownedSerialExecutor()) }
    }
  }

  func end(_ loop: ExitLoop) {
    state.withLock { state in
      if let index = state.loops.lastIndex(where: { $0 === loop }) { state.loops.remove(at: index) }
      if state.loops.isEmpty { Shim.standInForMain(nil) }
    }
  }

  /// Runs a job if the calling loop is to run it, or says how long to wait for one.
  func next(isMain: Bool) -> Next {
    let (job, next) = state.withLock { state -> (UnownedJob?, Next) in
      guard let since = state.waitingSince else { return (nil, .wait(nil)) }
      if isMain { return (state.take(), .run) }
      if state.isServing || state.isTakenOver { return (nil, .wait(nil)) }
      let left = state.isSilent ? .zero : state.grace - (ContinuousClock.now - since)
      if left > .zero { return (nil, .wait(left)) }
      state.isSilent = true
      state.isTakenOver = true
      return (state.take(), .tookOver)
    }
    guard let job else { return next }
    job.runSynchronously(on: asUnownedSerialExecutor())
    if case .tookOver = next { wakeLoops { $0.isTakenOver = false } }
    return next
  }

  private func wakeLoops(_ change: (inout State) -> Void) {
    let loops = state.withLock { state in
      change(&state)
      return state.loops
    }
    for loop in loops { loop.wake() }
  }

  // MARK: The executor

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    var mustPost = false
    wakeLoops { state in
      state.jobs.append(job)
      if state.waitingSince == nil { state.waitingSince = .now }
      mustPost = !state.isPosted
      state.isPosted = true
    }
    if mustPost { Shim.postToMain { _ in MainStandIn.shared.serve() } }
  }

  /// Called by the main queue.
  private func serve() {
    state.withLock { state in
      state.isPosted = false
      state.isServing = true
      state.isSilent = false
    }
    while let job = state.withLock({ $0.take() }) { job.runSynchronously(on: asUnownedSerialExecutor()) }
    wakeLoops { $0.isServing = false }
  }

  /// The main queue will not serve again: its thread has called exit.
  func leave() {
    wakeLoops { state in
      state.isServing = false
      state.isSilent = true
    }
  }

  func isIsolatingCurrentContext() -> Bool? { Shim.isOnMain }

  func checkIsolated() { precondition(Shim.isOnMain, "not on the main actor") }
}

extension MainStandIn.State {
  fileprivate mutating func take() -> UnownedJob? {
    let job = jobs.popFirst()
    waitingSince = jobs.isEmpty ? nil : .now
    return job
  }
}
