// SPDX-License-Identifier: Apache-2.0

/// The stack that runs when the process exits, with all that belongs to the process: ``ExitStack/process``.
///
/// Swift and C code share this stack. It is never destroyed, and no other value of this type exists.
///
/// `@unchecked`: restated from ``ExitStack``.
public final class ProcessExitStack: ExitStack, @unchecked Sendable {
  init() { super.init(.process, name: nil, channel: .process, isStandalone: false) }

  /// Leaves the process: runs this stack, then enters libc's `exit`.
  ///
  /// The stack runs before any handler that others gave to libc and before the destructors of C++ statics and of
  /// thread-local objects, so everything that clean-up uses is alive. Of several threads that exit, one runs the handlers
  /// and the others wait. In a handler: that handler ends, the others still run, and the newer status wins.
  ///
  /// - Parameter status: The exit status, 0 to 255; the system keeps the low eight bits of others (POSIX, `exit`).
  @inline(never) public func exit(_ status: Int32) -> Never { Shim.exit(status, from: Shim.caller) }

  /// Asks for an exit and returns: the process exits on a thread of the library's own, as after a signal.
  ///
  /// For code that holds an actor, an event loop or a serial queue that a handler needs: ``exit(_:)`` would wait there for
  /// a handler that waits for the caller. The caller goes on until the handlers have run. The first request counts.
  ///
  /// - Parameter status: The exit status, 0 to 255; the system keeps the low eight bits of others (POSIX, `exit`).
  /// - Throws: ``ExitError`` for want of memory or of a thread, when it is too late, or in a signal handler.
  public func requestExit(_ status: Int32) throws(ExitError) { try Shim.requestExit(status) }

  /// How long an exit of the process may take, from its start; `nil`, as it is at first: no deadline.
  ///
  /// When an exit takes longer, one line on stderr names the handler that is stuck, its place, how long it has run, and
  /// how many handlers did not run. Then the process ends with its status, or dies of the signal that it exits on; a
  /// status of 0 becomes ``statusOnTimeout``. A thread made when the deadline is set does that, so nothing that the
  /// handler holds can keep it.
  ///
  /// A deadline counts only while the process exits: a run by hand has none. A handler may change it. A forked child has
  /// no deadline until it sets one. Zero is `nil`. A negative deadline is refused with one line on stderr; to get an error
  /// instead, call ``setDeadline(_:)``.
  public var deadline: Duration? {
    get { Shim.deadline == 0 ? nil : .nanoseconds(Int64(clamping: Shim.deadline)) }
    set {
      do { try setDeadline(newValue) } catch { Shim.writeLine("ExitKit: the exit deadline was not set: \(error)") }
    }
  }

  /// Sets ``deadline``, or says why not.
  ///
  /// - Parameter deadline: How long an exit may take from its start; `nil` or zero: no deadline.
  /// - Throws: ``ExitError`` for a negative deadline, or for want of a thread. Then the deadline is what it was.
  public func setDeadline(_ deadline: Duration?) throws(ExitError) {
    let (seconds, attoseconds) = (deadline ?? .zero).components
    if seconds < 0 || attoseconds < 0 {
      throw ExitError(.invalidArgument, "a deadline of \(deadline!) is negative; nil or zero takes a deadline away")
    }
    let isTellable = seconds < 9_000_000_000  // 285 years; longer than that is no deadline
    try Shim.setDeadline(isTellable ? UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds) / 1_000_000_000 : 0)
  }

  /// The exit status of a process that its deadline or the limit of a handler ends, in place of 0; 124 at first, as that of
  /// `timeout` (1).
  ///
  /// Another status of the exit stays, and so does a signal. 0: the status stays 0. A status that is not 0 to 255 is
  /// refused with one line on stderr.
  public var statusOnTimeout: Int32 {
    get { Shim.timeoutStatus }
    set {
      do { try Shim.setTimeoutStatus(newValue) } catch {
        Shim.writeLine("ExitKit: the status on timeout was not set: \(newValue) is not between 0 and 255")
      }
    }
  }

  /// How long a handler that is isolated to the main actor waits for it when another thread exits; one second at first.
  ///
  /// Then the handler runs on the exiting thread, and a failure of kind ``ExitFailure/Kind/offMainActor`` is reported, once
  /// an exit.
  /// From then on handlers do not wait again, until the main actor answers. The same for all stacks, and for all copies
  /// of the library in the process.
  ///
  /// A main thread that has called `exit` or returned from `main` while another thread exits is not waited for: the
  /// handler runs on the exiting thread at once, which is no failure. The same for a main thread that sleeps in the
  /// kernel, not for a lock, and does not serve the main actor within 20 ms: the main thread is stopped where it is,
  /// by a signal that the program chose, else by SIGURG, if the program has no handler for that signal.
  public var mainActorGracePeriod: Duration {
    get { Shim.mainGrace }
    set { Shim.setMainGrace(newValue) }
  }

  /// How long after the first signal a second one ends the process at once; half a second at first.
  ///
  /// A second signal that comes earlier is part of the same request: `timeout` (1) and service managers send theirs twice.
  /// Zero: at once. A negative time is zero. See ``exitOnSignals(_:)``.
  public var signalPatience: Duration {
    get { Shim.signalPatience }
    set { Shim.setSignalPatience(min(newValue.nanosecondsForC, UInt64(Int64.max))) }
  }

  /// Takes a fresh slot in libc's own list.
  ///
  /// Handlers that are registered from here on run before whatever others gave to libc's `atexit` before this call, on
  /// a plain `exit` and on a return from `main`. A handler that uses a C++ static made since the first registration
  /// needs that.
  ///
  /// - Throws: ``ExitError`` for want of memory, when it is too late, or in a signal handler.
  public func mark() throws(ExitError) { try Shim.mark() }

  /// Sets memory aside: the next registrations on any stack cannot fail for want of C's memory.
  ///
  /// - Parameter count: How many registrations.
  /// - Throws: ``ExitError`` for want of memory, for a negative count, or in a signal handler.
  public func reserve(_ count: Int) throws(ExitError) {
    if count < 0 {
      throw ExitError(.invalidArgument, "\(count) registrations cannot be reserved: the count is negative")
    }
    try Shim.reserve(count)
  }

  /// In a forked child: owns the inherited handlers, as if this process had registered them.
  ///
  /// Where there was no fork it does nothing.
  ///
  /// - Throws: ``ExitError`` in a signal handler that interrupted ExitKit.
  public func adopt() throws(ExitError) { try Shim.adopt() }
}
