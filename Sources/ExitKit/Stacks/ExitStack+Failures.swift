// SPDX-License-Identifier: Apache-2.0

extension ExitStack {
  /// Reports failures to a closure in place of stderr.
  ///
  /// On ``process`` the reporter is for all stacks without a reporter and without a parent that has a reporter. A
  /// second call replaces the first. No lock is held while the reporter runs; the reporter may register handlers. The
  /// reporter runs on the thread of the failed handler, or on the actor that isolates the reporter. An error out of
  /// the reporter goes to stderr, together with the failure.
  ///
  /// Where a process has several copies of the library, a plugin's for example, the newest reporter of ``process`` also
  /// receives the failures of each copy without a reporter; ``ExitFailure/error`` is then an ``ExitError`` with the text of
  /// the error.
  ///
  /// - Parameter reporter: Receives each failure.
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
  /// as its parent or the process does, and for ``process`` a failure does not change the status. That of ``process``
  /// holds for all copies of the library in the process; there 0 is `nil`.
  public var statusOnFailure: Int32? {
    get { channel.status }
    set { channel.status = newValue }
  }
}
