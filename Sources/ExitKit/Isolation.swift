// SPDX-License-Identifier: Apache-2.0

/// Closures of one representation under two types: `Isolated` knows where it has to run, `Plain` can be called.
///
/// Swift knows no synchronous call of an `@isolated(any)` function, even where the caller is in the right place, so
/// its type is reinterpreted. Isolation is no part of the calling convention: it is the caller who hops. In structs,
/// because a bare function would be wrapped to pass through `unsafeBitCast`.
enum Unisolated {
  typealias Body = @Sendable () throws -> Void
  typealias BodyWith<Argument> = @Sendable (Argument) throws -> Void
  typealias BodyWithPack<First, each Rest> = @Sendable (First, repeat each Rest) throws -> Void

  private struct Isolated { let body: @Sendable @isolated(any) () throws -> Void }
  private struct Plain { let body: Body }
  static func body(_ body: @escaping @Sendable @isolated(any) () throws -> Void) -> Body {
    unsafeBitCast(Isolated(body: body), to: Plain.self).body
  }

  private struct IsolatedWith<Argument> { let body: @Sendable @isolated(any) (Argument) throws -> Void }
  private struct PlainWith<Argument> { let body: BodyWith<Argument> }
  static func body<T>(_ body: @escaping @Sendable @isolated(any) (T) throws -> Void) -> BodyWith<T> {
    unsafeBitCast(IsolatedWith(body: body), to: PlainWith<T>.self).body
  }

  private struct IsolatedPack<First, each Rest, Result> {
    let body: @Sendable @isolated(any) (First, repeat each Rest) throws -> Result
  }
  private struct PlainPack<First, each Rest, Result> {
    let body: @Sendable (First, repeat each Rest) throws -> Result
  }
  static func call<First, each Rest, Result>(
    _ body: @escaping @Sendable @isolated(any) (First, repeat each Rest) throws -> Result,
    _ first: First, _ rest: repeat each Rest
  ) throws -> Result {
    let plain = unsafeBitCast(IsolatedPack(body: body), to: PlainPack<First, repeat each Rest, Result>.self)
    return try plain.body(first, repeat each rest)
  }
}

/// A closure with a result, which is passed in the same way whatever its type.
struct IsolatedBody<Result>: Sendable {
  let function: @Sendable @isolated(any) () throws -> Result

  private struct Plain { let function: @Sendable () throws -> Result }
  /// Calls it without a hop, see ``Unisolated``.
  func callHere() throws -> Result { try unsafeBitCast(self, to: Plain.self).function() }

  /// The same in the eyes of code that is not generic, if it returns nothing.
  @inline(__always)
  var returningVoid: IsolatedBody<Void>? {
    Result.self == Void.self ? unsafeBitCast(self, to: IsolatedBody<Void>.self) : nil
  }
}
