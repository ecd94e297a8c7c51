// SPDX-License-Identifier: Apache-2.0

/// A value behind a lock of libc's, which the thread sanitizer knows.
///
/// Not `Mutex`, which would be the only use of Swift's library Synchronization: to load that library takes two thirds of
/// what ExitKit adds to the start of a program.
///
/// `@unchecked`: whoever reads or writes the value holds the lock.
struct Locked<Value>: ~Copyable, @unchecked Sendable {
  private let lock = SystemLock()
  private let value: UnsafeMutablePointer<Value>

  init(_ value: sending Value) {
    self.value = .allocate(capacity: 1)
    self.value.initialize(to: value)
  }

  deinit {
    value.deinitialize(count: 1)
    value.deallocate()
  }

  borrowing func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    lock.take()
    defer { lock.drop() }
    return try body(&value.pointee)
  }
}
