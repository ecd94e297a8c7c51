// SPDX-License-Identifier: Apache-2.0

/// The trace of a process: what was registered and cancelled, what ran in which order, when, and how each handler ended.
///
/// A process writes a trace when ``environment`` is part of its environment. The process can be killed at any time: each event
/// is in the file as soon as it has happened. A test attaches the trace to its failure: <doc:TestingCleanUp>.
public struct ExitTrace: Sendable, Hashable {
  /// The file of the trace.
  public let path: String

  /// A trace in this file, of a process that begins later with ``environment``.
  ///
  /// Two processes with one file write one trace, so give each process a file of its own.
  public init(path: String) { self.path = path }

  /// The trace that this process writes; `nil` unless the process began with a file in `EXITKIT_TRACE`.
  public static var process: ExitTrace? {
    guard let path = Shim.variable("EXITKIT_TRACE"), path != "1" else { return nil }
    return ExitTrace(
      path: path.split(separator: "%p", omittingEmptySubsequences: false).joined(separator: "\(Shim.process)"))
  }

  /// The variable that makes a process write this trace.
  public var environment: [String: String] { ["EXITKIT_TRACE": path] }

  /// The events that were written so far; `nil` where no process has registered a handler.
  ///
  /// One event is one line of JSON, in Chrome's trace-event format: Perfetto and `exitkit` read the text.
  public var text: String? { Shim.contents(of: path) }
}

extension ExitTrace: CustomStringConvertible {
  /// The text of the trace, or a line that says why none is there.
  public var description: String { text ?? "\(path): no trace; no process has registered a handler with EXITKIT_TRACE" }
}
