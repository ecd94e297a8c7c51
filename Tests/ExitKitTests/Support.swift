// SPDX-License-Identifier: Apache-2.0
//
// How the Swift tests work that end no process: a test makes an `ExitStack`, whose handlers and finalizers note lines in a
// `Log`, runs the stack or lets an object die, and compares the lines. A `Witness` notes the release of a capture, and a
// `Gate` holds a thread in a handler, so that a test of two threads needs no sleep.

import Glibc
import Synchronization

/// The thread sanitizer stands between libc and exit handlers, and does not pass on the exit status.
let testsAreThreadSanitized = dlsym(nil, "__tsan_init") != nil

/// Events in their order, from any thread.
final class Log: Sendable {
  private let lines = Locked<[String]>([])
  var all: [String] { lines.withLock { $0 } }
  func note(_ line: String) { lines.withLock { $0.append(line) } }
}

/// An object that tells of its end.
final class Witness: Sendable {
  let log: Log
  init(_ log: Log) { self.log = log }
  deinit { log.note("released") }
}

struct DiskFull: Error {}

/// Holds the thread that closes the gate until another thread opens the gate.
final class Gate: Sendable {
  private let isOpen = Atomic(false)
  private let isClosed = Atomic(false)

  func close() {
    isClosed.store(true, ordering: .sequentiallyConsistent)
    while !isOpen.load(ordering: .sequentiallyConsistent) {}
  }

  func open() { isOpen.store(true, ordering: .sequentiallyConsistent) }

  func untilClosed() async {
    while !isClosed.load(ordering: .sequentiallyConsistent) { await Task.yield() }
  }
}

/// Calls `body` on `count` new threads, none of a pool, and waits for the end of each.
func inThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
  final class Work: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  let threads = (0..<count).map { index in
    var thread = pthread_t()
    let work = Unmanaged.passRetained(Work { body(index) })
    pthread_create(
      &thread, nil,
      {
        Unmanaged<Work>.fromOpaque($0!).takeRetainedValue().body(); return nil
      }, work.toOpaque())
    return thread
  }
  for thread in threads { pthread_join(thread, nil) }
}
