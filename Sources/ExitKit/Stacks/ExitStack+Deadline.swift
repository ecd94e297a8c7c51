// SPDX-License-Identifier: Apache-2.0

extension ExitStack {
  /// How long an exit of the process may take, from its start; `nil`, as it is at first: as long as it likes.
  ///
  /// When it takes longer, one line on stderr names the handler that is stuck, its place and how long it has run, and
  /// the process ends with its status, or dies of the signal that it exits on. The handlers that are left do not run.
  /// A thread made when the deadline is set does that, so that nothing the handler holds can keep it.
  ///
  /// The same for all stacks, and only while the process exits: a run by hand has none. A handler may change it. A
  /// forked child has none until it sets one. Zero is `nil`; for a negative one, see ``setDeadline(_:)``, which says what
  /// went wrong: here it is one line on stderr, and the deadline stays as it was.
  public var deadline: Duration? {
    get { Shim.deadline == 0 ? nil : .nanoseconds(Int64(clamping: Shim.deadline)) }
    set {
      do { try setDeadline(newValue) } catch { Shim.writeLine("ExitKit: the exit deadline was not set: \(error)") }
    }
  }

  /// Sets ``deadline``, or says why not.
  ///
  /// - Parameter deadline: How long an exit may take from its start; `nil` or zero: as long as it likes.
  /// - Throws: ``ExitError`` for a negative deadline, or for want of a thread. Then the deadline is what it was.
  public func setDeadline(_ deadline: Duration?) throws(ExitError) {
    let (seconds, attoseconds) = (deadline ?? .zero).components
    if seconds < 0 || attoseconds < 0 { throw Shim.invalidArgument }
    let isTellable = seconds < 9_000_000_000  // 285 years; longer than that is for ever
    try Shim.setDeadline(isTellable ? UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds) / 1_000_000_000 : 0)
  }
}

/// How long one handler may run while the process exits.
struct HandlerLimit {
  /// `nil` where that makes no sense: it is to be more than nothing, and less than 49 days.
  let milliseconds: UInt32?

  @inline(__always)
  init(_ limit: Duration?) { milliseconds = limit == nil ? 0 : Self.milliseconds(limit!) }

  private static func milliseconds(_ limit: Duration) -> UInt32? {
    let (seconds, attoseconds) = limit.components
    let whole = Double(seconds) * 1e3 + Double(attoseconds) / 1e15
    return limit > .zero && whole < Double(UInt32.max) ? UInt32(whole.rounded(.up)) : nil
  }
}
