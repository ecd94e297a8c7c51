// SPDX-License-Identifier: Apache-2.0

/// How a handler is registered, but for what most handlers do not have.
///
/// Trivial, so that functions pass the value on without a copy: a name among these fields made a third of the cost.
struct Registration {
  let phase: ExitPhase
  let inherited: Bool
  let file: StaticString
  let line: UInt
  let owner: UnsafeRawPointer
}

extension ExitStack {
  /// Registers a closure; `channel` is `nil` for the process's.
  ///
  /// Inlined, as all on its way to C: a call more costs a tenth of the whole.
  @inline(__always)
  static func add(
    _ closure: HeldClosure, _ name: String?, _ timeout: Duration?, _ channel: FailureChannel?,
    on stack: StackReference, _ how: Registration
  ) -> ExitHandler {
    if let timeout, name == nil, channel == nil { return addLimited(closure, timeout, on: stack, how) }
    if timeout != nil || channel != nil { return addBlock(closure, name, timeout, channel, on: stack, how) }
    if name != nil { return addNamed(closure, name!, on: stack, how) }
    let (raw, error) = Shim.register(closure, on: stack, how)
    if let error { refuse(error, nil, how, .process) }
    return ExitHandler(raw: raw, file: how.file, line: how.line, name: nil)
  }

  /// Registers a closure with a name.
  ///
  /// Most names are literals, and a literal needs neither a copy nor a block.
  @inline(never)
  private static func addNamed(
    _ closure: HeldClosure, _ name: String, on stack: StackReference, _ how: Registration
  ) -> ExitHandler {
    guard let text = Shim.lasting(name) else { return addBlock(closure, name, nil, nil, on: stack, how) }
    let (raw, error) = Shim.register(closure, on: stack, how, name: text)
    if let error { refuse(error, name, how, .process) }
    return ExitHandler(raw: raw, file: how.file, line: how.line, name: name)
  }

  /// Registers a closure with a limit alone.
  ///
  /// Most programs have few limits, and a limit that stays needs no block.
  @inline(never)
  private static func addLimited(
    _ closure: HeldClosure, _ timeout: Duration, on stack: StackReference, _ how: Registration
  ) -> ExitHandler {
    guard closure.kind == .plain, let limit = HandlerLimit(timeout).milliseconds,
      let (raw, error) = Shim.register(closure, limit: limit, on: stack, how)
    else { return addBlock(closure, nil, timeout, nil, on: stack, how) }
    if let error { refuse(error, nil, how, .process) }
    return ExitHandler(raw: raw, file: how.file, line: how.line, name: nil)
  }

  /// Registers a closure with a name that goes, a limit or a channel.
  @inline(never)
  private static func addBlock(
    _ closure: HeldClosure, _ name: String?, _ timeout: Duration?, _ channel: FailureChannel?,
    on stack: StackReference, _ how: Registration
  ) -> ExitHandler {
    let (raw, error) = register(closure, name, timeout, channel, on: stack, how)
    if let error { refuse(error, name, how, channel ?? .process) }
    return ExitHandler(raw: raw, file: how.file, line: how.line, name: name)
  }

  @inline(__always)
  private static func register(
    _ closure: HeldClosure, _ name: String?, _ timeout: Duration?, _ channel: FailureChannel?,
    on stack: StackReference, _ how: Registration
  ) -> Shim.Registered {
    guard let limit = HandlerLimit(timeout).milliseconds else { return (closure.release(), (0, badTimeout)).1 }
    if limit != 0, channel == nil, closure.kind == .plain, let name, let text = Shim.lasting(name),
      let registered = Shim.register(closure, limit: limit, on: stack, how, name: text)
    {
      return registered
    }
    guard let block = HandlerBlock.make(closure, channel, limit: limit, name: name) else {
      return (closure.release(), Shim.noMemory).1
    }
    return Shim.register(block, isNamed: name != nil, isLimited: limit != 0, on: stack, how)
  }

  private static var badTimeout: ExitError {
    ExitError(.invalidArgument, "its timeout has to be more than zero and less than 49 days")
  }

  @inline(never)
  static func refuse(
    _ error: ExitError, _ name: String?, _ how: Registration, _ channel: FailureChannel
  ) {
    let location = ExitLocation(fileID: "\(how.file)", line: how.line)
    channel.report(
      ExitFailure(kind: .notRegistered, error: error, name: name, location: location, isFinalizer: false))
  }
}

/// How long one handler may run while the process exits.
struct HandlerLimit {
  /// 0 for no limit; `nil` where the limit makes no sense: a limit is more than zero, and less than 49 days.
  let milliseconds: UInt32?

  @inline(__always)
  init(_ limit: Duration?) { milliseconds = limit == nil ? 0 : Self.milliseconds(limit!) }

  private static func milliseconds(_ limit: Duration) -> UInt32? {
    // In integers: Double's rounding is a function of libm, which nothing else here needs. A millisecond is 2^15 times 5^15
    // attoseconds, and the processor divides 64 bits by a constant with a multiplication; 128 bits are a call.
    let one: UInt64 = 1_000_000_000_000_000
    let attoseconds = limit.attoseconds  // to compare durations would be two calls
    guard attoseconds > 0, attoseconds < Int128(UInt32.max / 1_000 * 1_000) * Int128(one) else { return nil }
    let roundedUp = attoseconds + Int128(one - 1)
    if roundedUp >> 79 == 0 { return UInt32(UInt64(truncatingIfNeeded: roundedUp >> 15) / (one >> 15)) }
    let words = (high: UInt64(truncatingIfNeeded: roundedUp >> 64), low: UInt64(truncatingIfNeeded: roundedUp))
    return UInt32(one.dividingFullWidth(words).quotient)  // more than six days
  }
}
