// SPDX-License-Identifier: Apache-2.0

/// How a handler is registered.
struct Registration {
  let name: String?
  let phase: ExitPhase
  let inherited: Bool
  let limit: HandlerLimit
  let file: StaticString
  let line: UInt
  let owner: UnsafeRawPointer

  @inline(__always)
  init(
    name: String? = nil, phase: ExitPhase, inherited: Bool, limit: Duration? = nil, file: StaticString, line: UInt,
    owner: UnsafeRawPointer
  ) {
    self.name = name
    self.phase = phase
    self.inherited = inherited
    self.limit = HandlerLimit(limit)
    self.file = file
    self.line = line
    self.owner = owner
  }
}

extension ExitStack {
  /// Registers a closure without a parameter: the entry in C has room for a closure without name and limit.
  ///
  /// Inlined, as all on its way to C: a call more costs a tenth of the whole.
  @inline(__always)
  static func add(
    _ body: consuming @escaping HeldClosure.Body, on stack: StackReference, _ how: Registration
  ) -> ExitHandler {
    let (raw, error) = Shim.register(body, on: stack, how)
    if let error { refuse(error, how, .process) }
    return ExitHandler(raw: raw, file: how.file, line: how.line, name: nil)
  }

  func add(_ body: consuming Handler.Body, _ how: Registration) -> ExitHandler {
    let (raw, error) =
      how.limit.milliseconds == nil ? (0, Self.badTimeout) : Shim.register(body, ownChannel, on: reference, how)
    if let error { Self.refuse(error, how, channel) }
    return ExitHandler(raw: raw, file: how.file, line: how.line, name: how.name)
  }

  private static var badTimeout: ExitError {
    ExitError(.invalidArgument, "its timeout has to be more than zero and less than 49 days")
  }

  @inline(never)
  private static func refuse(_ error: ExitError, _ how: Registration, _ channel: FailureChannel) {
    let location = ExitLocation(fileID: "\(how.file)", line: how.line)
    channel.report(ExitFailure(kind: .notRegistered, error: error, name: how.name, location: location))
  }
}

/// How long one handler may run while the process exits.
struct HandlerLimit {
  /// `nil` where the limit makes no sense: a limit is more than zero, and less than 49 days.
  let milliseconds: UInt32?

  @inline(__always)
  init(_ limit: Duration?) { milliseconds = limit == nil ? 0 : Self.milliseconds(limit!) }

  private static func milliseconds(_ limit: Duration) -> UInt32? {
    // In integers: Double's rounding is a function of libm, which nothing else here needs. One division of the
    // processor: `components` takes four times as long.
    let one: UInt64 = 1_000_000_000_000_000
    guard limit > .zero, limit < .seconds(UInt32.max / 1_000) else { return nil }
    let roundedUp = limit.attoseconds + Int128(one - 1)
    let words = (high: UInt64(truncatingIfNeeded: roundedUp >> 64), low: UInt64(truncatingIfNeeded: roundedUp))
    return UInt32(one.dividingFullWidth(words).quotient)
  }
}
