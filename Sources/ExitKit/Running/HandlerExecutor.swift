// SPDX-License-Identifier: Apache-2.0

/// The executor of a handler's jobs: the thread that waits for the handler runs the jobs.
///
/// So an asynchronous handler needs no thread of the cooperative pool, and the thread that exits may be any. One
/// loop a thread: a handler that exits or runs a stack by hand in the middle of a job comes back to the same one.
final class ExitLoop: TaskExecutor {
  /// How an operation ended.
  struct End {
    var error: (any Error)?
    /// Jobs of the main actor were run here, because it did not answer.
    var leftMain = false
  }

  private enum Result {
    case returned
    case threw(any Error)
    case exited(Int32)
  }

  private final class Completion: Sendable {
    let loop: ExitLoop
    private let state = Locked<Result?>(nil)

    init(loop: ExitLoop) { self.loop = loop }

    var result: Result? { state.withLock { $0 } }

    func finish(_ result: Result) {
      state.withLock { $0 = $0 ?? result }
      loop.wake()
    }
  }

  @TaskLocal private static var completion: Completion?

  private let jobs = Locked(JobQueue())
  private let sleep = LoopSleep()

  deinit { sleep.destroy() }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    jobs.withLock { $0.append(job) }
    sleep.wake()
  }

  func wake() { sleep.wake() }

  /// Runs the operation to its end before returning.
  static func finish(_ operation: @escaping @Sendable () async throws -> Void) -> End {
    defer { if Shim.isUnloading { Shim.letPoolRest() } }
    if let loop = Shim.loop { return loop.finish(operation) }
    let loop = ExitLoop()
    Shim.loop = loop
    defer { Shim.loop = nil }
    return withExtendedLifetime(loop) { loop.finish(operation) }
  }

  private func finish(_ operation: @escaping @Sendable () async throws -> Void) -> End {
    let main = MainActorExecutor.shared
    let isMain = Shim.isCurrent(MainActor.shared)
    let isIdle = Shim.isMainIdle
    let completion = Completion(loop: self)
    var end = End()
    let observes = Shim.observeExits()
    main.begin(self)
    defer {
      main.end(self)
      if observes { Shim.stopObservingExits() }
    }
    Task.detached(executorPreference: self) {
      await Self.$completion.withValue(completion) {
        do {
          try await operation()
          completion.finish(.returned)
        } catch {
          completion.finish(.threw(error))
        }
      }
    }
    while true {
      switch completion.result {
      case .returned: return end
      case .threw(let error):
        end.error = error
        return end
      case .exited(let status): Shim.exit(status, from: Shim.caller)
      case nil: break
      }
      if let job = jobs.withLock({ $0.popFirst() }) {
        job.runSynchronously(on: asUnownedTaskExecutor())
        continue
      }
      if isIdle { Shim.drainMain() }
      switch main.next(self, isMain: isMain) {
      case .run: continue
      case .tookOver: end.leftMain = true
      case .wait(let limit):
        Shim.traceWait(limit == nil ? "task" : "main actor")
        sleep.wait(limit)
        Shim.traceWait(nil)
      }
    }
  }
}

extension ExitLoop {
  /// Called on a thread that has called exit.
  ///
  /// If a job of an operation did, on another thread than the one that waits for it, the operation is over, and the
  /// thread that waits exits in its place.
  static func exitCalled(status: Int32?) {
    if Shim.isOnMain { MainActorExecutor.shared.mainLeaves() }
    guard let completion, completion.loop !== Shim.loop else { return }
    completion.finish(status.map { .exited($0) } ?? .returned)
  }
}

/// Jobs, first in, first out.
struct JobQueue {
  private var jobs: [UnownedJob] = []
  private var head = 0

  var isEmpty: Bool { head == jobs.count }

  mutating func append(_ job: UnownedJob) { jobs.append(job) }

  mutating func popFirst() -> UnownedJob? {
    guard head < jobs.count else { return nil }
    defer {
      head += 1
      if head == jobs.count {
        jobs.removeAll(keepingCapacity: true)
        head = 0
      }
    }
    return jobs[head]
  }
}
