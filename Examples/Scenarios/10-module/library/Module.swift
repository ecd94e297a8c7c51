// SPDX-License-Identifier: Apache-2.0

import ExitKit

/// A library that cleans up after itself, and after its objects before that.
public enum Module {
  private final class Object: Sendable {}
  private static let object = Object()

  public static func load() {
    atExit { print("Cleaning up module") }
    finalize(object) { print("Cleaning up module object") }
  }
}
