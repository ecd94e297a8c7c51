// SPDX-License-Identifier: Apache-2.0

/// When a handler runs, among those of its stack: early ones before normal ones before late ones.
///
/// Within a phase the newest handler runs first.
public enum ExitPhase: Sendable, Hashable, CaseIterable {
  /// Before all others, to stop what produces work: listeners, threads.
  case early
  /// Where a handler goes unless it says otherwise.
  case normal
  /// After all others, for sinks such as the flush of a log.
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
