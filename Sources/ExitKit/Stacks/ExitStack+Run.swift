// SPDX-License-Identifier: Apache-2.0

extension ExitStack {
  /// Runs what is pending until nothing is left, on the calling thread, and returns when the last handler has ended.
  ///
  /// Handlers that are isolated to an actor run there, and asynchronous ones are waited for. In a handler of the same
  /// stack it runs the rest; while another thread runs the stack it waits, then runs what is left. In asynchronous
  /// code prefer ``runAsync()``: this one holds its thread, and with it the actor that calls it.
  ///
  /// - Returns: What ran, how long it took and what failed.
  @discardableResult
  public func run() -> ExitReport {
    var report = ExitReport()
    for step in Shim.run(reference) {
      let failures = step.outcome?.failures ?? []
      report.add(name: step.name, location: step.location, duration: step.duration, failures: failures)
    }
    return report
  }

  /// Runs what is pending until nothing is left, and suspends the calling task while a handler does.
  ///
  /// Handlers see the task's local values and not its cancellation: clean-up is to go on in a cancelled task. One that
  /// is registered by another runs next. The stack is free between two handlers; a second run takes what is left.
  ///
  /// - Returns: What ran, how long it took and what failed.
  @discardableResult
  public nonisolated(nonsending) func runAsync() async -> ExitReport {
    var report = ExitReport()
    while let steps = Shim.step(reference) {
      for step in steps {
        var duration = step.duration
        var failures = step.outcome?.failures ?? []
        if let handler = step.outcome?.deferred {
          let start = ContinuousClock.now
          failures = await handler.runForTask()
          duration = .now - start
        }
        report.add(name: step.name, location: step.location, duration: duration, failures: failures)
      }
    }
    return report
  }
}
