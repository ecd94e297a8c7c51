// SPDX-License-Identifier: Apache-2.0

/// A pending entry of a stack, in ``ExitStack/entries``.
public struct ExitEntry: Sendable, Hashable {
  /// The name of the handler, finalizer or nested stack, cut after 255 bytes; `nil` without a name.
  public let name: String?

  /// The place where the entry was registered; `nil` where the place is not known, as with plain C functions.
  public let location: ExitLocation?

  /// When the entry runs among the entries of its stack.
  public let phase: ExitPhase

  /// How deep the entry's stack is nested: 0 for the stack whose `entries` these are, 1 for a stack nested in that
  /// stack.
  public let depth: Int

  /// Whether the entry is a nested stack, whose entries come next.
  public let isNestedStack: Bool

  /// Whether a run of the stack leaves the entry out: a finalizer whose ``Finalizer/runsAtExit`` is `false`.
  public let isLeftOut: Bool

  /// Whether a forked child runs the entry as well.
  public let runsInForkedChildren: Bool

  /// Whether the entry belongs to a parent of this process, and does not run in this process.
  public let isParents: Bool
}

extension ExitStack {
  /// Every pending entry, in the order of running; entries of a nested stack follow the entry of the nested stack.
  ///
  /// The list needs no lock. An entry that another thread adds or removes at the same time may be in the list or not.
  /// The entries of C functions are shown, too.
  public var entries: [ExitEntry] { Shim.entries(of: reference) }
}

extension ExitEntry: CustomStringConvertible {
  /// One line, indented by depth: `"flush" (App/main.swift:12), late`.
  public var description: String {
    var text = String(repeating: "  ", count: depth) + (isNestedStack ? "stack" : "")
    if let name { text += (isNestedStack ? " " : "") + "\"\(name)\"" }
    if let location { text += name == nil && !isNestedStack ? "\(location)" : " (\(location))" }
    if name == nil, location == nil, !isNestedStack { text += "without a name" }
    if phase != .normal { text += ", \(phase)" }
    if isLeftOut { text += ", left out" }
    if isParents { text += ", a parent's" }
    return text.onOneLine
  }
}
