// SPDX-License-Identifier: Apache-2.0

extension ExitStack {
  /// Leaves the process with a status, as `exit` does, but claims the exit first.
  ///
  /// Of several threads one runs every handler, libc's included, and the others wait. In a handler: that handler ends,
  /// the others still run, and this status wins.
  ///
  /// - Parameter status: The exit status, 0 to 255; the system keeps the low eight bits of others.
  public func exit(_ status: Int32) -> Never { Shim.exit(status) }

  /// Reports failures to a closure in place of stderr.
  ///
  /// On ``process`` it is for all stacks that have no reporter of their own, nor a parent with one. A second call
  /// replaces the first. No lock is held while it runs; it may register handlers. It runs on the thread of the
  /// failed handler, or where it is isolated to. What it throws goes to stderr, with the failure itself.
  ///
  /// - Parameter reporter: What receives each failure.
  public func onFailure(
    @_inheritActorContext _ reporter: @escaping @Sendable @isolated(any) (ExitFailure) throws -> Void
  ) {
    channel.set(FailureReporter(body: Unisolated.body(reporter), isolation: reporter.isolation))
  }

  /// Takes the stack's own reporter away: failures go where they went before ``onFailure(_:)``.
  public func removeFailureReporter() { channel.set(nil) }

  /// The exit status of the process when one of this stack's handlers fails during its exit.
  ///
  /// It takes the place of status 0 and never of another. `nil`, as it is at first: a nested or standalone stack does
  /// as its parent or the process does, and for ``process`` a failure does not change the status.
  public var statusOnFailure: Int32? {
    get { channel.status }
    set { channel.status = newValue }
  }

  /// How long a handler that is isolated to the main actor waits for it when another thread exits; one second at first.
  ///
  /// Then it runs on the exiting thread, and a failure of kind ``ExitFailure/Kind/offMainActor`` is reported. From
  /// then on the others do not wait again, until the main actor answers. The same for all stacks.
  public var mainActorGracePeriod: Duration {
    get { MainStandIn.shared.grace }
    set { MainStandIn.shared.grace = newValue }
  }

  /// Takes a fresh slot in libc's own list, on behalf of ``process``.
  ///
  /// What is registered from here on runs before whatever others gave to libc's `atexit` before this call. A handler
  /// that uses a C++ static made since the first registration needs it.
  ///
  /// - Throws: ``ExitError`` for want of memory, when it is too late, or in a signal handler.
  public func mark() throws(ExitError) { try Shim.mark() }

  /// Sets memory aside: the next registrations on any stack cannot fail for want of C's memory.
  ///
  /// - Parameter count: How many registrations.
  /// - Throws: ``ExitError`` for want of memory, for a negative count, or in a signal handler.
  public func reserve(_ count: Int) throws(ExitError) { try Shim.reserve(count) }

  /// In a forked child: owns what was inherited, as if this process had registered it.
  ///
  /// Where there was no fork it does nothing.
  ///
  /// - Throws: ``ExitError`` in a signal handler that interrupted ExitKit.
  public func adopt() throws(ExitError) { try Shim.adopt() }
}
