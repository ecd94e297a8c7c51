// SPDX-License-Identifier: Apache-2.0

import ExitKit

/// The same library, which gets to its own clean-up last: all of it is on one stack, whose place is where it was made.
public enum LateModule {
  private final class Object: Sendable {}
  private static let object = Object()

  public static func load() {
    let stack = ExitStack.process.nested("LateModule")
    stack.finalize(object) { print("Cleaning up module object") }
    stack.register(phase: .late) { print("Cleaning up module") }
  }
}
