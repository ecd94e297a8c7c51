// SPDX-License-Identifier: Apache-2.0

#if DEBUG
  /// Whether Swift code has ever given a name to a handler or a finalizer.
  ///
  /// Without a name no cancellation by name finds a handler. That is easy to overlook, so a debug build says so.
  enum GivenNames {
    private static let exist = Locked(false)

    static func note() { exist.withLock { $0 = true } }

    /// Says, once, that handlers need names, where `pending` has handlers and no name was ever given.
    static func missed(_ name: String, among pending: [ExitEntry]) {
      guard !pending.isEmpty, pending.allSatisfy({ $0.name == nil }) else { return }
      let isTold = exist.withLock { exist in
        defer { exist = true }
        return exist
      }
      if isTold { return }
      let line = "ExitKit: cancel(named: \"\(name)\") found nothing, and no handler was given a name: pass name: at the"
      Shim.writeLine("\(line) registration, or cancel by the handler that atExit returns".onOneLine)
    }
  }
#endif
