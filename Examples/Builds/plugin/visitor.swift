// SPDX-License-Identifier: Apache-2.0

import ExitKit

struct Failure: Error {}

/// Registers three handlers; returns how many are pending in the process.
@c(visit)
public func visit() -> CInt {
  atExit { print("plugin: first") }
  atExit(name: "thrower") { throw Failure() }
  atExit {
    await Task.yield()
    print("plugin: asynchronous")
  }
  return CInt(ExitStack.process.count)
}
