// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A value behind a lock, which the thread sanitizer sees.
///
/// `Mutex` works inside Swift's own library, which a sanitizer does not look into: it would report every use of the
/// value as a race. So what a mutex does is done with an atomic once more; on x86-64 that is a plain load and a store.
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
