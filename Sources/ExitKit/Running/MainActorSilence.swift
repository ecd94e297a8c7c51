// SPDX-License-Identifier: Apache-2.0

/// Whether the user has been told that the main actor does not answer.
///
/// Once an exit, since every later handler of the main actor meets the same silence. In runs by hand, once until the main
/// actor answers.
enum MainActorSilence {
  private enum Told { case never, inRunByHand, inExit }
  private static let told = Locked(Told.never)

  /// `true` where the user has to be told; `false` from then on.
  static func isNews() -> Bool {
    let now = Shim.isExiting ? Told.inExit : .inRunByHand
    return told.withLock { told in
      defer { told = now }
      return told != now
    }
  }

  /// The main actor has answered.
  static func end() { if !Shim.isExiting { told.withLock { $0 = .never } } }
}
