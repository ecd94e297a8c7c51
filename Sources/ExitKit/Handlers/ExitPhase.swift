// SPDX-License-Identifier: Apache-2.0

/// When a handler runs, among the handlers of its stack: early before normal before late.
///
/// Within a phase the newest handler runs first.
public enum ExitPhase: Sendable, Hashable, CaseIterable {
  /// Before all other phases, to stop producers of work: listeners, threads.
  case early
  /// The phase of a handler that names no phase.
  case normal
  /// After all other phases, for sinks such as the flush of a log.
  case late
}

extension ExitPhase: CustomStringConvertible {
  /// The name of the phase: `early`, `normal`, `late`.
  public var description: String {
    switch self {
    case .early: "early"
    case .normal: "normal"
    case .late: "late"
    }
  }
}
