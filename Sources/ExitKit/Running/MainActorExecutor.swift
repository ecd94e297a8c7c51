// SPDX-License-Identifier: Apache-2.0

/// The main actor's executor while a thread waits for a handler.
///
/// The waiting thread may be the main thread: then only the main thread itself can run the main actor's jobs. Or
/// another thread waits, and the main thread may be stuck. So this executor keeps the jobs, and the first of these runs
/// the jobs:
/// - the main queue, which the executor asks;
/// - a waiting thread that is the main thread;
/// - a waiting thread, while the main thread stands at the gate of the exit;
/// - the exiting thread, when the main queue does not answer at once and the main thread sleeps in the kernel: then the
///   main thread is stopped where it is;
/// - any waiting thread, when the main queue has not answered for the grace period.
final class MainActorExecutor: SerialExecutor {
  static let shared = MainActorExecutor()

  enum Next {
    case run
    case tookOver
    case wait(Duration?)
  }

  /// The part of the main queue in running the jobs.
  fileprivate enum MainQueue {
    /// There are no jobs.
    case idle
    /// The executor has asked the main queue to run the jobs.
    case asked(since: ContinuousClock.Instant)
    /// The main queue runs the jobs.
    case serving
    /// The main queue has let the grace period pass. Until its next answer no thread waits for the main queue.
    case silent
  }

  fileprivate struct State {
    var jobs = JobQueue()
    var loops: [ExitLoop] = []
    var queue = MainQueue.idle
    /// The loop whose thread runs a job in the main thread's place.
    var substitute: ExitLoop?
  }

  private let state = Locked(State())

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

  /// Wakes the waiting threads after the main thread has called exit, so that a waiting thread can take main's jobs.
  func mainLeaves() { change { _ in } }

  /// The next act of the calling loop: run a job, or wait for the given time.
  func next(_ loop: ExitLoop, isMain: Bool) -> Next {
    let (job, turn) = state.withLock { $0.turn(of: loop, isMain: isMain) }
    job?.runSynchronously(on: asUnownedSerialExecutor())
    switch turn {
    case .ownTurn: return .run
    case .wait(let limit): return .wait(limit)
    case .borrowed:
      Shim.giveMainBack()
      change { $0.substitute = nil }
      return .run
    case .tookOver:
      change { $0.substitute = nil }
      return .tookOver
    }
  }

  private func change(_ body: (inout State) -> Void) {
    let loops = state.withLock { state in
      body(&state)
      return state.loops
    }
    for loop in loops { loop.wake() }
  }

  // MARK: The executor

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    var isFirst = false
    change { state in
      defer { state.jobs.append(job) }
      switch state.queue {
      case .idle: isFirst = true
      case .asked where state.jobs.isEmpty: break  // waiting threads have run the jobs before the main queue came
      default: return
      }
      state.queue = .asked(since: .now)
    }
    if isFirst { Shim.postToMain { _ in MainActorExecutor.shared.serve() } }
  }

  /// Called by the main queue.
  private func serve() {
    MainActorSilence.end()
    state.withLock { $0.queue = .serving }
    while let job = state.withLock({ $0.takeServed() }) { job.runSynchronously(on: asUnownedSerialExecutor()) }
    change { _ in }
  }

  func isIsolatingCurrentContext() -> Bool? { Shim.isOnMain }

  func checkIsolated() { precondition(Shim.isOnMain, "not on the main actor") }
}

extension MainActorExecutor.State {
  /// How a loop comes to run a job.
  enum Turn {
    case ownTurn
    case borrowed
    case tookOver
    case wait(Duration?)
  }

  /// How long a main queue that is served takes to answer, at most; then the exiting thread looks whether main sleeps.
  private static var answerTime: Duration { .milliseconds(20) }

  mutating func turn(of loop: ExitLoop, isMain: Bool) -> (UnownedJob?, Turn) {
    guard !jobs.isEmpty else { return (nil, .wait(nil)) }
    if isMain || substitute === loop { return (jobs.popFirst(), .ownTurn) }
    guard substitute == nil else { return (nil, .wait(nil)) }
    var isBorrowed = Shim.borrowMain()
    if !isBorrowed {
      switch queue {
      case .serving where !Shim.mainExits: return (nil, .wait(nil))
      case .serving: queue = .silent
      case .idle, .silent: break
      case .asked(let since):
        let waited = ContinuousClock.now - since
        let left = Shim.mainGrace - waited
        isBorrowed = waited >= min(Self.answerTime, Shim.mainGrace) && Shim.holdMain()
        if !isBorrowed, left > .zero { return (nil, .wait(min(left, Self.answerTime))) }
        if !isBorrowed { queue = .silent }
      }
    }
    substitute = loop
    return (jobs.popFirst(), isBorrowed ? .borrowed : .tookOver)
  }

  /// A job for the main queue, or the end of its service.
  mutating func takeServed() -> UnownedJob? {
    let job = jobs.popFirst()
    if job == nil { queue = .idle }
    return job
  }
}
