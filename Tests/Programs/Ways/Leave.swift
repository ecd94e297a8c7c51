// SPDX-License-Identifier: Apache-2.0
//
// The ways out. Of them `return` alone returns. Where the main thread is blocked the main actor's handlers do not wait for
// it; elsewhere they wait longer than any machine is busy.

import CExitShim
import Dispatch
import ExitKit
import Glibc
import Synchronization

public enum Way: String {
  case `return`
  case exit
  /// ExitStack.process.exit
  case kit
  /// cexit_exit
  case c
  case handler
  case handlerByKit
  case asyncHandler
  case mainActorHandler
  case error
  case mapped
  /// On a pthread, and in detached tasks, while the main thread is at work and does not end that work.
  case thread
  case detached
  /// On a pthread, while the main thread sleeps.
  case threadAsleep
  /// The same in a program with a handler of its own for SIGURG.
  case threadUrgent
  /// On a pthread, while the main actor is being served.
  case threadServed
  case detachedServed
  /// SIGTERM, while the main thread is blocked, and while the main actor is being served.
  case signal
  case signalServed
  /// SIGTERM, and ExitStack.process.exit on a thread; main returns as soon as the exit has begun.
  case signalReturn
  case threadReturn
  /// pthread_exit of the only thread.
  case lastThread
  case task
  case actor
  /// Many at once.
  case threads
  case tasks

  public static func given() -> Way { Way(rawValue: CommandLine.arguments.dropFirst().first ?? "") ?? .return }
}

private let crowd = 64

/// Holds back whoever comes until all are there.
private struct Barrier: ~Copyable {
  private let missing = Atomic(crowd)
  func wait() {
    missing.subtract(1, ordering: .sequentiallyConsistent)
    while missing.load(ordering: .sequentiallyConsistent) > 0 { sched_yield() }
  }
}

private let barrier = Barrier()

private func onThread(_ body: @escaping @Sendable () -> Void) {
  let context = Unmanaged.passRetained(Body(body)).toOpaque()
  var thread = pthread_t()
  let error = pthread_create(
    &thread, nil,
    { context in
      Unmanaged<Body>.fromOpaque(context!).takeRetainedValue().body()
      return nil
    }, context)
  if error != 0 { _exit(99) }
}

private final class Body: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// All but those that need a main actor at work; returns for `.return` only.
private func leaveAtOnce(_ way: Way) {
  switch way {
  case .exit: exit(3)
  case .kit: ExitStack.process.exit(3)
  case .c: cexit_exit(3)
  case .handler: atExit { exit(5) }
  case .handlerByKit: atExit { ExitStack.process.exit(5) }
  case .asyncHandler:
    atExit {
      await Task.yield()
      quit(5)
    }
  case .mainActorHandler: atExit { @MainActor in exit(5) }
  case .thread: onThread { exit(3) }
  case .threads:
    for number in 0..<crowd {
      onThread {
        barrier.wait(); exit(Int32(100 + number))
      }
    }
  case .detached: Task.detached { exit(3) }
  case .signal, .signalServed, .signalReturn:
    do { try exitOnSignals(.terminate) } catch { _exit(99) }
    kill(getpid(), SIGTERM)
  case .lastThread: pthread_exit(nil)
  case .threadServed, .threadAsleep: onThread { exit(3) }
  case .threadUrgent:
    signal(SIGURG) { _ in _exit(98) }
    onThread { exit(3) }
  case .threadReturn: onThread { ExitStack.process.exit(3) }
  case .detachedServed: Task.detached { exit(3) }
  default: break
  }
}

/// What a handler awaits must not need the actor that calls exit; the actor's own handlers run in place.
private actor Leaver {
  static let shared = Leaver()
  private var isOpen = true

  func register() {
    atExit {
      self.isOpen = false
      say("leaving actor")
    }
  }

  func leave() { exit(3) }
}

private func waitForExit() {
  while !cexit_is_exiting() { sched_yield() }
}

private func quit(_ status: Int32) { exit(status) }

/// From a main without tasks.
public func leave(_ way: Way) {
  let isOffMain = [.thread, .detached, .threads].contains(way)
  // Of a main thread that sleeps, the library asks after 20 ms whether it may be stopped.
  let grace: Duration = isOffMain ? .milliseconds(1) : way == .threadUrgent ? .milliseconds(100) : .seconds(60)
  ExitStack.process.mainActorGracePeriod = grace
  leaveAtOnce(way)
  switch way {
  case .error: exitAfter { throw DiskFull() }
  case .mapped: exitAfter(status: { (_: DiskFull) in 64 }) { throw DiskFull() }
  case .task: Task { @MainActor in exit(3) }
  case .actor: Task { await Leaver.shared.leave() }
  case .tasks: for number in 0..<crowd { Task.detached { exit(Int32(100 + number)) } }
  default: break
  }
  if isOffMain { work() }
  if [.signal, .threadAsleep, .threadUrgent].contains(way) { block() }
  if [.signalReturn, .threadReturn].contains(way) { waitForExit() }
  if [.threadServed, .detachedServed, .signalServed, .task, .actor, .tasks].contains(way) { dispatchMain() }
}

/// From an asynchronous main.
@MainActor public func leave(_ way: Way) async {
  let isOffMain = [.thread, .detached, .threads].contains(way)
  ExitStack.process.mainActorGracePeriod = isOffMain ? .milliseconds(1) : .seconds(60)
  leaveAtOnce(way)
  switch way {
  case .error: await exitAfter { try await fail() }
  case .mapped: await exitAfter(status: { (_: DiskFull) in 64 }) { try await fail() }
  case .task: Task { exit(3) }
  case .actor:
    await Leaver.shared.register()
    await Leaver.shared.leave()
  case .tasks: for number in 0..<crowd { Task.detached { exit(Int32(100 + number)) } }
  default: break
  }
  if isOffMain { work() }
  if [.signal, .threadAsleep].contains(way) { block() }
  if [.signalReturn, .threadReturn].contains(way) { waitForExit() }
  if [.threadServed, .detachedServed, .signalServed, .task, .tasks].contains(way) { await suspend() }
}

private nonisolated(nonsending) func fail() async throws {
  throw DiskFull()
}

/// Holds every thread of the cooperative pool, which has that many, for ever.
public func holdPool(threads: Int) {
  let held = Counter()
  for _ in 0..<threads * 4 {
    Task.detached {
      held.number.add(1, ordering: .sequentiallyConsistent)
      block()
    }
  }
  while held.number.load(ordering: .sequentiallyConsistent) < threads { sched_yield() }
}

private final class Counter: Sendable { let number = Atomic(0) }
