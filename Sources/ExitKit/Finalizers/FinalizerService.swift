// SPDX-License-Identifier: Apache-2.0

/// Whether objects can be watched, and the work at an object's death that the C part cannot do.
enum FinalizerService {
  /// Watches the object's class, if the class allows that.
  @inline(never)
  static func watch(_ object: AnyObject) -> Bool {
    guard isWorking else { return false }
    // A deinit that is isolated to an actor may be put off, but not the deinit of an actor with the default executor: only
    // the actor's own jobs are on that executor. A late death of such an actor is memory that waits for the last job.
    let isPlainActor = (object as? any Actor)?.unownedExecutor.isDefault ?? false
    return Shim.watch(object, hops: !isPlainActor)
  }

  /// Has a finalizer run on its actor; the thread of the object's death does not wait.
  static func run(_ raw: UInt64, onMain: Bool) {
    if onMain {
      Task.detached { @MainActor in _ = Shim.run(raw) }
    } else {
      Task.detached { _ = Shim.run(raw) }
    }
  }

  /// Has the finalizers of an object run once the object's deferred deinit is over.
  ///
  /// The runtime does not tell of the end, so this function asks again and again. Until then the finalizers are
  /// pending: an exit runs them.
  static func wait(for departure: Departure) {
    Task.detached {
      var pause = Duration.microseconds(50)
      while !Shim.isOver(departure) {
        try? await Task.sleep(for: pause)
        pause = min(pause * 2, .milliseconds(100))
      }
      Shim.end(departure)
    }
  }

  /// Whether the runtime behaves as expected, tried at first use on a class of this library.
  private static let isWorking: Bool = {
    Shim.serveFinalizers()
    let log = ProbeLog()
    let stack = ExitStack()
    guard watches(Probe(log)) else { return false }
    runs(Probe(log), on: stack, log)
    detaches(Probe(log), on: stack, log)
    let left = stack.cancelAll()
    return log.isExpected && left == 0
  }()

  // Each object dies when its function returns: in a single body the optimizer may end an object sooner.
  @inline(never)
  private static func watches(_ probe: consuming Probe) -> Bool {
    Shim.watch(probe, hops: true) && Shim.isWatched(probe)
  }

  @inline(never)
  private static func runs(_ probe: consuming Probe, on stack: ExitStack, _ log: ProbeLog) {
    let finalizer = stack.finalize(probe) { log.append("finalizer") }
    if finalizer.peek() === probe { log.append("peek") }
  }

  @inline(never)
  private static func detaches(_ probe: consuming Probe, on stack: ExitStack, _ log: ProbeLog) {
    stack.finalize(probe) { log.append("detached") }.detach()
  }
}

private final class Probe {
  private let log: ProbeLog
  init(_ log: ProbeLog) { self.log = log }
  deinit { log.append("deinit") }
}

private final class ProbeLog: Sendable {
  private let steps = Locked<[String]>([])
  func append(_ step: String) { steps.withLock { $0.append(step) } }
  var isExpected: Bool { steps.withLock { $0 == ["deinit", "peek", "deinit", "finalizer", "deinit"] } }
}
