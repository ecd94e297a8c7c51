// SPDX-License-Identifier: Apache-2.0

/// A last-in-first-out stack of handlers.
///
/// The one that runs when the process exits is ``process``. A nested stack is one entry of another and runs at its
/// place; a standalone stack is run by hand. On each, early handlers run before normal before late ones, and within a
/// phase the newest first. A handler runs once or is cancelled; it is taken off the stack before it is called.
///
/// Every member may be used from any thread at any time, handlers included.
public final class ExitStack: Sendable {
  /// The stack that runs when the process exits, shared with C.
  public static let process = ExitStack(.process, name: nil, channel: .process)

  /// The stack that runs at `quick_exit`.
  static let quick = ExitStack(Shim.quickStack, name: nil, channel: .process)

  /// The name it was made with.
  public let name: String?

  let reference: StackReference
  let channel: FailureChannel
  /// The same, unless it is the process's.
  let ownChannel: FailureChannel?

  private init(_ reference: StackReference, name: String?, channel: FailureChannel) {
    self.reference = reference
    self.name = name
    self.channel = channel
    ownChannel = channel === FailureChannel.process ? nil : channel
  }

  /// Makes a standalone stack, to be run by hand.
  ///
  /// What is still pending when the last reference to it goes is cancelled. Its failures go to the process's
  /// channel unless it has a reporter of its own.
  ///
  /// - Parameter name: A name for reports.
  public convenience init(_ name: String? = nil) {
    self.init(Shim.makeStack(name: name), name: name, channel: FailureChannel(parent: .process))
  }

  deinit { Shim.release(reference) }

  /// Makes a stack that is one entry of this one, at the place that it has in the order now.
  ///
  /// It keeps its place when the last reference to it goes, unless nothing is on it. A registration on it after its
  /// entry has run places it anew, on top. Its failures go to this stack's channel unless it has a reporter of its own.
  ///
  /// - Parameters:
  ///   - name: A name for reports.
  ///   - owner: The object file that registers, whose handlers run before it is unloaded.
  /// - Returns: The stack. Where there is no memory for it or it is too late, it refuses what is registered on it.
  public func nested(_ name: String? = nil, owner: UnsafeRawPointer = #dsohandle) -> ExitStack {
    let nested = Shim.nestStack(in: reference, name: name, owner: owner)
    return ExitStack(nested, name: name, channel: FailureChannel(parent: channel))
  }

  /// How many entries are pending; a nested stack is one, whatever it holds.
  public var count: Int { Shim.count(reference) }

  /// Cancels all that is pending, newest first, and what is in stacks nested in this one.
  ///
  /// - Returns: How many entries that were.
  @discardableResult
  public func cancelAll() -> Int { Shim.clear(reference) }

  /// Cancels every pending handler of that name, in nested stacks, too.
  ///
  /// - Parameter name: The name that they were registered with.
  /// - Returns: How many that were; 0 for an unknown name, which is no error.
  @discardableResult
  public func cancel(named name: String) -> Int { Shim.cancel(named: name, on: reference) }

  /// Moves every pending entry on top of another stack, in the same order and phases.
  ///
  /// Handlers stay good, and their failures go where they went before. An entry that nests `other` itself stays.
  ///
  /// - Parameter other: The stack that runs them from now on.
  /// - Returns: How many entries moved.
  @discardableResult
  public func moveAll(to other: ExitStack) -> Int { Shim.move(from: reference, to: other.reference) }
}

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
  /// Registers a closure as it is: of a nameless one that has no limit C can hold all that there is to know.
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
    let text = HandlerText(name: how.name, file: how.file, line: how.line, limit: how.limit.milliseconds ?? 0)
    let handler = Handler(body, channel: ownChannel, text: text)
    let (raw, error) =
      how.limit.milliseconds == nil ? (0, Shim.invalidArgument) : Shim.register(handler, on: reference, how)
    if let error { Self.refuse(error, how, channel) }
    return ExitHandler(raw: raw, file: how.file, line: how.line, name: how.name)
  }

  @inline(never)
  private static func refuse(_ error: ExitError, _ how: Registration, _ channel: FailureChannel) {
    let location = ExitLocation(fileID: "\(how.file)", line: how.line)
    channel.report(ExitFailure(kind: .notRegistered, error: error, name: how.name, location: location))
  }
}
