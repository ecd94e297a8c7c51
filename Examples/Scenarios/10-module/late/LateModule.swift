// SPDX-License-Identifier: Apache-2.0

import ExitKit

/// The same library, with its own clean-up last: all handlers are on one stack, and the stack stands where the stack was made.
public enum LateModule {
  private final class Object: Sendable {}
  private static let object = Object()

  public static func load() {
    let stack = ExitStack.process.nested("LateModule")
    stack.finalize(object) { print("Cleaning up module object") }
    stack.register(phase: .late) { print("Cleaning up module") }
  }
}
