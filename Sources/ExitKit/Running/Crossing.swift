// SPDX-License-Identifier: Apache-2.0
//
// Values that threads give to each other, and that the compiler cannot check: each says why the value is safe.

/// A stack of C's.
///
/// `@unchecked`: C takes every stack from every thread, and an ``ExitStack`` keeps the C stack alive.
enum StackReference: @unchecked Sendable {
  case process
  case made(OpaquePointer)
  /// C could not make the stack; every registration on the stack fails.
  case none(ExitError)

  var pointer: OpaquePointer? {
    if case .made(let pointer) = self { pointer } else { nil }
  }

  var isMade: Bool {
    if case .none = self { false } else { true }
  }
}

/// A value on its way to the thread that uses the value.
///
/// `@unchecked`: the sender waits until the receiver is done, or only the receiver has the value's claim.
struct Passed<Value>: @unchecked Sendable {
  let value: Value
}

/// An object whose deinit has been put off to another thread, with its finalizers.
///
/// `@unchecked`: a departure belongs to the single task that waits for the deinit.
struct Departure: @unchecked Sendable {
  let pointer: OpaquePointer
}
