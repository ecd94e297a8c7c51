// SPDX-License-Identifier: Apache-2.0

/// The result of a stack that was run by hand.
public struct ExitReport: Sendable, Codable {
  /// One record for each handler that ran, in the order of running, handlers of nested stacks included.
  public internal(set) var records: [ExitRecord] = []

  /// The failures, in order; empty when all went well.
  ///
  /// The failure channel has been told of each already.
  public internal(set) var failures: [ExitFailure] = []
}

/// One handler that has run, in an ``ExitReport``.
public struct ExitRecord: Sendable {
  /// How a handler ended.
  public enum Outcome: Sendable {
    /// The handler came to its end.
    case succeeded
    /// The handler threw an error.
    case failed(any Error)
  }

  /// The name of the handler.
  public let name: String?

  /// The place of the registration; `nil` where the place is not known, as with plain C functions.
  public let location: ExitLocation?

  /// How long the handler took.
  public let duration: Duration

  /// How the handler ended.
  public let outcome: Outcome

  /// Whether the handler is the finalizer of an object.
  public internal(set) var isFinalizer = false
}

extension ExitReport {
  init(_ steps: [HandlerStep]) {
    for step in steps { add(step, step.duration, step.failures) }
  }

  mutating func add(_ step: HandlerStep, _ duration: Duration, _ new: [ExitFailure]) {
    let thrown = new.first { $0.kind == .thrown }
    let outcome = thrown.map { ExitRecord.Outcome.failed($0.error) } ?? .succeeded
    records.append(
      ExitRecord(
        name: step.name, location: step.location, duration: duration, outcome: outcome, isFinalizer: step.isFinalizer))
    failures += new
  }
}
