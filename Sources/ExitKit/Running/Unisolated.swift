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

  private struct Sent { let body: @isolated(any) () throws -> Void }
  private struct Held { let body: HeldClosure.Body }
  /// A closure that its caller has given away: one thread calls it, once.
  static func sent(_ body: sending @escaping @isolated(any) () throws -> Void) -> HeldClosure.Body {
    unsafeBitCast(Sent(body: body), to: Held.self).body
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

/// A closure in the two words that it is, which hold it until it is taken.
///
/// What passes through a generic function here has metadata that is there from the start. That of functions, optionals
/// and existentials is made when it is first asked for, as debug builds do, and there may be no memory any more.
struct HeldClosure {
  typealias Body = @Sendable @isolated(any) () throws -> Void

  private struct Isolated { let body: Body }
  private struct Plain { let body: Unisolated.Body }
  // In the order in which a closure has them.
  private(set) var code: UnsafeMutableRawPointer?
  private(set) var context: UnsafeMutableRawPointer?

  init(context: UnsafeMutableRawPointer?, code: UnsafeMutableRawPointer?) {
    self.code = code
    self.context = context
  }

  @inline(__always)
  init(_ body: consuming @escaping Body) {
    self.init(context: nil, code: nil)
    let closure = Isolated(body: body)
    withUnsafeMutableBytes(of: &self) { _ = $0.baseAddress!.initializeMemory(as: Isolated.self, to: closure) }
  }

  /// Whether it may be called without a hop.
  @inline(__always)
  var isHere: Bool {
    let actor = identity
    return actor == 0 || Shim.isKnownMain(actor) || isCurrent
  }

  /// Its actor's address: a reference to that, taken and given back, would cost as much as all the rest.
  @inline(__always)
  private var identity: UInt {
    withUnsafeBytes(of: self) { words in
      guard let actor = words.assumingMemoryBound(to: Isolated.self)[0].body.isolation else { return 0 }
      return UInt(bitPattern: ObjectIdentifier(actor))
    }
  }

  @inline(never)
  private var isCurrent: Bool {
    withUnsafeBytes(of: self) { words in
      guard let actor = words.assumingMemoryBound(to: Isolated.self)[0].body.isolation else { return true }
      return Shim.isCurrent(actor)
    }
  }

  @inline(__always)
  consuming func take() -> Body {
    var taken: Isolated?
    withUnsafeMutableBytes(of: &self) { taken = $0.baseAddress!.assumingMemoryBound(to: Isolated.self).move() }
    return taken!.body
  }

  /// See ``Unisolated``.
  @inline(__always)
  consuming func takeUnisolated() -> Unisolated.Body {
    var taken: Plain?
    withUnsafeMutableBytes(of: &self) { taken = $0.baseAddress!.assumingMemoryBound(to: Plain.self).move() }
    return taken!.body
  }
}

/// A closure with a result, which is passed in the same way whatever its type.
struct IsolatedBody<Result>: Sendable {
  /// Calls it without a hop, see ``Unisolated``.
  let callHere: @Sendable () throws -> Result

  private struct Isolated { let function: @Sendable @isolated(any) () throws -> Result }
  // Reinterpreted here and not for the call, which would retain it for that.
  @inline(__always)
  init(_ function: @escaping @Sendable @isolated(any) () throws -> Result) {
    self = unsafeBitCast(Isolated(function: function), to: Self.self)
  }

  init(nonisolated function: @escaping @Sendable () throws -> Result) { callHere = function }

  /// The same in the eyes of code that is not generic, if it returns nothing.
  @inline(__always)
  var returningVoid: IsolatedBody<Void>? {
    Result.self == Void.self ? unsafeBitCast(self, to: IsolatedBody<Void>.self) : nil
  }
}
