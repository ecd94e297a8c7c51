// SPDX-License-Identifier: Apache-2.0

/// Reinterprets an isolated closure as a plain closure, so that a caller on the right actor can call without a hop.
///
/// Swift has no synchronous call of an `@isolated(any)` function, even for a caller on the right actor. Isolation is no
/// part of the calling convention: the caller hops. So `Isolated` and `Plain` have one representation. Both are
/// structs, because Swift would wrap a bare function to pass the function through `unsafeBitCast`.
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
  /// For a closure that its caller has given away: a single thread calls the closure, once.
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

/// What the two words of a ``HeldClosure`` are.
enum ClosureKind: UInt8 {
  case plain, withContext, call, async, asyncWithContext
}

/// A closure as its two words, which own the closure until `take` moves the closure out.
///
/// Only structs pass through generic functions in this file, since a struct's metadata is part of the program. Metadata
/// of functions, optionals and existentials is allocated at first use (in debug builds), and memory may be exhausted.
struct HeldClosure {
  typealias Body = @Sendable @isolated(any) () throws -> Void

  private struct Isolated { let body: Body }
  private struct Plain { let body: Unisolated.Body }
  // In the order of a closure's two words.
  private(set) var code: UnsafeMutableRawPointer?
  private(set) var context: UnsafeMutableRawPointer?
  /// What the two words are.
  let kind: ClosureKind

  @inline(__always)
  init(context: UnsafeMutableRawPointer?, code: UnsafeMutableRawPointer?, _ kind: ClosureKind) {
    self.code = code
    self.context = context
    self.kind = kind
  }

  @inline(__always)
  private init<Closure>(_ closure: Closure, _ kind: ClosureKind) {
    self.init(context: nil, code: nil, kind)
    withUnsafeMutableBytes(of: &self) { _ = $0.baseAddress!.initializeMemory(as: Closure.self, to: closure) }
  }

  /// The closure of a finalizer.
  @inline(__always)
  init(_ body: consuming IsolatedBody<Void>) { self.init(body, .plain) }

  /// Moves the closure of a finalizer out.
  consuming func takeFinalizer() -> IsolatedBody<Void> { move(as: IsolatedBody<Void>.self) }

  /// Whether the closure has an actor; of a closure that tells.
  @inline(__always)
  var isIsolated: Bool { identity != 0 }

  var isEmpty: Bool { code == nil && context == nil }

  /// Whether the calling thread may call the closure without a hop.
  @inline(__always)
  var isHere: Bool {
    let actor = identity
    return actor == 0 || Shim.isKnownMain(actor) || isCurrent
  }

  /// The address of the closure's actor, since to retain and release the actor would double the cost of a call.
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

  /// Calls the closure without a hop, see ``Unisolated``, and releases the closure.
  @inline(__always)
  consuming func callUnisolated() throws {
    if let error = Shim.call(context, code) { throw error }
  }

  // Closures of other types. Where a closure keeps its actor does not depend on the parameters, so `isHere` holds for
  // a closure with a context, too.

  private struct WithContext { let body: @Sendable @isolated(any) (ExitContext) throws -> Void }
  private struct PlainWithContext { let body: Unisolated.BodyWith<ExitContext> }
  private struct Async { let body: @Sendable @isolated(any) () async throws -> Void }
  private struct AsyncWithContext { let body: @Sendable @isolated(any) (ExitContext) async throws -> Void }

  @inline(__always)
  static func plain(_ body: consuming @escaping Body) -> Self { Self(Isolated(body: body), .plain) }

  @inline(__always)
  static func withContext(
    _ body: consuming @escaping @Sendable @isolated(any) (ExitContext) throws -> Void
  ) -> Self { Self(WithContext(body: body), .withContext) }

  static func call(_ call: IsolatedCall) -> Self {
    Self(context: Unmanaged.passRetained(call).toOpaque(), code: nil, .call)
  }

  @inline(__always)
  static func async(_ body: consuming @escaping @Sendable @isolated(any) () async throws -> Void) -> Self {
    Self(Async(body: body), .async)
  }

  @inline(__always)
  static func asyncWithContext(
    _ body: consuming @escaping @Sendable @isolated(any) (ExitContext) async throws -> Void
  ) -> Self { Self(AsyncWithContext(body: body), .asyncWithContext) }

  @inline(__always)
  private consuming func move<Closure>(as type: Closure.Type) -> Closure {
    withUnsafeMutableBytes(of: &self) { $0.baseAddress!.assumingMemoryBound(to: Closure.self).move() }
  }

  /// Releases the closure, which does not run.
  func release() { _ = takeBody() }

  consuming func takeBody() -> Handler.Body {
    switch kind {
    case .plain: .plain(move(as: Isolated.self).body)
    case .withContext: .withContext(move(as: WithContext.self).body)
    case .call: .call(Unmanaged<IsolatedCall>.fromOpaque(context!).takeRetainedValue())
    case .async: .async(move(as: Async.self).body)
    case .asyncWithContext: .asyncWithContext(move(as: AsyncWithContext.self).body)
    }
  }

  consuming func takeUnisolatedWithContext() -> Unisolated.BodyWith<ExitContext> {
    move(as: PlainWithContext.self).body
  }
}

/// A closure with a result; the representation of the closure does not depend on the result's type.
struct IsolatedBody<Result>: Sendable {
  /// Calls the closure without a hop, see ``Unisolated``.
  let callHere: @Sendable () throws -> Result

  private struct Isolated { let function: @Sendable @isolated(any) () throws -> Result }
  // `init` reinterprets, and not each call, since a call would also retain the closure.
  @inline(__always)
  init(_ function: consuming @escaping @Sendable @isolated(any) () throws -> Result) {
    self = unsafeBitCast(Isolated(function: function), to: Self.self)
  }

  init(nonisolated function: @escaping @Sendable () throws -> Result) { callHere = function }

  /// Where the closure is isolated to; for a closure of `init(_:)`, as others do not say.
  ///
  /// Not asked of the parameter: the compiler (6.3) crashes where the isolation of a consumed parameter is asked for.
  @inline(__always)
  var isolation: (any Actor)? {
    withUnsafeBytes(of: self) { $0.assumingMemoryBound(to: Isolated.self)[0].function.isolation }
  }

  /// The same closure with the type of a closure of another result; only a call needs the right type.
  @inline(__always)
  consuming func with<Other>(_: Other.Type) -> IsolatedBody<Other> {
    unsafeBitCast(self, to: IsolatedBody<Other>.self)
  }
}

extension UnownedSerialExecutor {
  /// An executor reference is its object and its witness table, and C's functions take these two words.
  var words: (UInt, UInt) { unsafeBitCast(self, to: (UInt, UInt).self) }

  /// The default executor has no witness table.
  var isDefault: Bool { words.1 == 0 }
}
