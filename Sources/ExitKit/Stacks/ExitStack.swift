// SPDX-License-Identifier: Apache-2.0

/// A last-in-first-out stack of handlers.
///
/// The one that runs when the process exits is ``process``. A nested stack is one entry of another and runs at its
/// place; a standalone stack is run by hand. On each, early handlers run before normal before late ones, and within a
/// phase the newest first. A handler runs once or is cancelled; it is taken off the stack before it is called.
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

  /// The name it was made with.
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
  /// What is still pending when the last reference to it goes is cancelled, and a failure of kind
  /// ``ExitFailure/Kind/dropped`` says how many handlers that were. Its failures go to the process's channel unless it
  /// has a reporter of its own.
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

  /// Makes a stack that is one entry of this one, at the place that it has in the order now.
  ///
  /// It keeps its place when the last reference to it goes, unless nothing is on it. A registration on it after its
  /// entry has run places it anew, on top. Its failures go to this stack's channel unless it has a reporter of its own.
  ///
  /// - Parameters:
  ///   - name: A name for reports.
  ///   - owner: The object file that registers, whose handlers run before it is unloaded.
  /// - Returns: The stack. Where there is no memory for it or it is too late, it refuses what is registered on it.
  @safe public func nested(_ name: String? = nil, owner: UnsafeRawPointer = #dsohandle) -> ExitStack {
    let nested = Shim.nestStack(in: reference, name: name, owner: owner)
    return ExitStack(nested, name: name, channel: FailureChannel(parent: channel), isStandalone: false)
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

extension ExitStack: CustomStringConvertible {
  /// The stack in a few words: `exit stack "requests", 3 pending`.
  public var description: String {
    let title =
      self === ExitStack.process ? "exit stack of the process" : "exit stack" + (name.map { " \"\($0)\"" } ?? "")
    return "\(title.onOneLine), \(count) pending"
  }
}
