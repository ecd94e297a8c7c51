// SPDX-License-Identifier: Apache-2.0

extension ExitStack {
  /// Runs pending handlers until none is left, on the calling thread, and returns when the last handler has ended.
  ///
  /// A handler that is isolated to an actor runs on that actor, and asynchronous handlers are waited for. In a handler
  /// of the same stack this function runs the rest; while another thread runs the stack, this function waits, then
  /// runs the rest. In asynchronous code prefer ``runAsync()``: this function holds its thread, and with the thread
  /// the actor of the caller.
  ///
  /// - Returns: The handlers that ran, their times and their failures.
  @discardableResult
  public func run() -> ExitReport {
    ExitReport(Shim.run(reference, channel) ?? [])
  }

  /// Runs the stack as ``run()`` does, unless another thread runs the stack: for a thread that holds a lock which a handler
  /// needs.
  ///
  /// The name follows `withLockIfAvailable(_:)` of a mutex. In a handler of the same stack this function runs the rest.
  /// Handlers on other actors, asynchronous handlers and nested stacks that another thread runs are waited for.
  ///
  /// - Returns: The handlers that ran, their times and their failures; `nil` when another thread runs the stack, and
  ///   nothing ran in this call.
  public func runIfAvailable() -> ExitReport? {
    Shim.run(reference, channel, unlessBusy: true).map(ExitReport.init)
  }

  /// Runs the stack for the last time.
  ///
  /// What handlers or other threads register until the end of the run is accepted, and runs. After that the stack refuses
  /// registrations with ``ExitError/Code/tooLate``, and a nested stack is not placed again on its parent. While another
  /// thread runs the stack, or in a handler of the stack, that run is the last. The stack of the process is run and stays
  /// open: an exit closes it.
  ///
  /// - Returns: The handlers that ran, their times and their failures.
  @discardableResult
  public func close() -> ExitReport {
    Shim.close(reference)
    return run()
  }

  /// Runs the stack for the last time, as ``close()`` does, and suspends the calling task while a handler runs.
  ///
  /// - Returns: The handlers that ran, their times and their failures.
  @discardableResult
  public nonisolated(nonsending) func closeAsync() async -> ExitReport {
    Shim.close(reference)
    return await runAsync()
  }

  /// Runs pending handlers until none is left, and suspends the calling task while a handler runs.
  ///
  /// Handlers see the task's local values and not its cancellation: clean-up goes on in a cancelled task. A handler
  /// that a handler registers runs next. The stack is free between two handlers; a second run takes the rest.
  ///
  /// - Returns: The handlers that ran, their times and their failures.
  @discardableResult
  public nonisolated(nonsending) func runAsync() async -> ExitReport {
    var report = ExitReport()
    while let steps = Shim.step(reference, channel) {
      for step in steps {
        var duration = step.duration
        var failures = step.failures
        if let handler = step.deferred {
          let start = ContinuousClock.now
          failures = await handler.runForTask()
          duration = .now - start
        }
        report.add(step, duration, failures)
      }
    }
    return report
  }
}
