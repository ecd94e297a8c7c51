// SPDX-License-Identifier: Apache-2.0

/// A last-in-first-out stack of handlers.
///
/// The stack ``process`` runs when the process exits. A nested stack is one entry of its parent stack and runs at the
/// place of that entry; a standalone stack is run by hand. On each stack early handlers run before normal before late
/// ones, and within a phase the newest first. A handler runs once or is cancelled; a handler is taken off the stack
/// before the call.
///
/// Every member may be used from any thread at any time, handlers included.
///
/// `@unchecked`: the compiler takes a class that is not final at its word. Only ``ProcessExitStack`` derives from this
/// one and adds no state, and what a stack stores never changes.
public class ExitStack: @unchecked Sendable {
  /// The stack that runs when the process exits, shared with C.
  public static let process = ProcessExitStack()

  /// The stack that runs at `quick_exit`.
  static let quick = ExitStack(Shim.quickStack, name: "quick_exit", channel: .process, isStandalone: false)

  /// The name that was given at creation.
  public let name: String?

  let reference: StackReference
  let channel: FailureChannel
  /// The same, unless it is the process's.
  let ownChannel: FailureChannel?

  private let isStandalone: Bool

  init(_ reference: StackReference, name: String?, channel: FailureChannel, isStandalone: Bool) {
    self.isStandalone = isStandalone
    self.reference = reference
    self.name = name
    self.channel = channel
    ownChannel = channel === FailureChannel.process ? nil : channel
  }

  /// Makes a standalone stack, to be run by hand.
  ///
  /// When the last reference to the stack goes, pending handlers are cancelled, and a failure of kind
  /// ``ExitFailure/Kind/dropped`` says how many. Failures of the stack go to the process's channel unless the stack
  /// has a reporter.
  ///
  /// - Parameter name: A name for reports.
  public convenience init(_ name: String? = nil) {
    self.init(Shim.makeStack(name: name), name: name, channel: FailureChannel(parent: .process), isStandalone: true)
  }

  deinit {
    let left = isStandalone ? count : 0
    Shim.release(reference)
    if left > 0 { channel.report(.dropped(left, ofStack: name)) }
  }

  /// Makes a stack that is one entry of this stack, the newest at this moment.
  ///
  /// The nested stack keeps its place when the last reference goes, unless the nested stack is empty. A registration
  /// after its entry has run places the nested stack again, on top. Failures go to this stack's channel unless the
  /// nested stack has a reporter.
  ///
  /// - Parameters:
  ///   - name: A name for reports.
  ///   - owner: The object file that registers. Its handlers run before the object file is unloaded.
  /// - Returns: The stack. Without memory, too late in an exit, or nested in more than 32 stacks, the stack refuses
  ///   every registration.
  @safe public func nested(_ name: String? = nil, owner: UnsafeRawPointer = #dsohandle) -> ExitStack {
    let nested = Shim.nestStack(in: reference, name: name, owner: owner)
    return ExitStack(nested, name: name, channel: FailureChannel(parent: channel), isStandalone: false)
  }

  /// How many entries are pending; a nested stack counts as one.
  public var count: Int { Shim.count(reference) }

  /// Cancels all pending entries, newest first, also those of stacks nested in this stack.
  ///
  /// - Returns: How many entries that were.
  @discardableResult
  public func cancelAll() -> Int { Shim.clear(reference) }

  /// Cancels every pending handler of that name, in nested stacks, too.
  ///
  /// - Parameter name: The name that they were registered with.
  /// In a debug build a line on stderr says so where handlers are pending and no handler was ever given a name.
  ///
  /// - Returns: How many that were; 0 for an unknown name, which is no error.
  @discardableResult
  public func cancel(named name: String) -> Int {
    let count = Shim.cancel(named: name, on: reference)
    #if DEBUG
      if count == 0 { GivenNames.missed(name, among: entries) }
    #endif
    return count
  }

  /// Cancels every pending entry that a closure wants, also those of nested stacks.
  ///
  /// The closure is asked for each entry in the order in which the entries would run, and not for nested stacks
  /// themselves, whose places stay. No lock is held: the closure may register, cancel and run handlers. Where it does, or
  /// where other threads do, an entry that comes or leaves meanwhile is asked for or not.
  ///
  /// - Parameter isWanted: Whether the entry is to be cancelled.
  /// - Returns: How many that were.
  @discardableResult
  public func cancelAll(where isWanted: (ExitEntry) -> Bool) -> Int { Shim.cancel(on: reference, isWanted) }

  /// Moves every pending entry on top of another stack, in the same order and phases.
  ///
  /// Handlers stay good, and their failures go where they went before. An entry that nests `other` itself stays.
  ///
  /// - Parameter other: The stack that runs them from now on.
  /// - Returns: How many entries moved.
  @discardableResult
  public func moveAll(to other: ExitStack) -> Int { Shim.move(from: reference, to: other.reference) }
}

extension ExitStack: CustomStringConvertible {
  /// The stack in a few words: `exit stack "requests", 3 pending`.
  public var description: String {
    let title =
      self === ExitStack.process ? "exit stack of the process" : "exit stack" + (name.map { " \"\($0)\"" } ?? "")
    return "\(title.onOneLine), \(count) pending"
  }
}
