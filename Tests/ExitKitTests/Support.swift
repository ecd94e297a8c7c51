// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// The thread sanitizer stands between libc and exit handlers, and does not pass on the exit status.
let isThreadSanitized = dlsym(nil, "__tsan_init") != nil

/// As the library's: a value behind a lock, which the thread sanitizer sees.
struct Locked<Value>: ~Copyable, Sendable {
  private let mutex: Mutex<Value>
  private let turns = Atomic(0)

  init(_ value: sending Value) { mutex = Mutex(value) }

  borrowing func withLock<Result>(_ body: (inout sending Value) throws -> sending Result) rethrows -> sending Result {
    try mutex.withLock { value in
      let turn = turns.load(ordering: .acquiring)
      defer { turns.store(turn &+ 1, ordering: .releasing) }
      return try body(&value)
    }
  }
}

/// What happened, in order, from any thread.
final class Log: Sendable {
  private let lines = Locked<[String]>([])
  var all: [String] { lines.withLock { $0 } }
  func note(_ line: String) { lines.withLock { $0.append(line) } }
}

/// An object that says when it goes.
final class Witness: Sendable {
  let log: Log
  init(_ log: Log) { self.log = log }
  deinit { log.note("released") }
}

struct DiskFull: Error {}

/// Holds the thread that closes it until another opens it.
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
