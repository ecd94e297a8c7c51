// SPDX-License-Identifier: Apache-2.0
// Registers handlers for the program that loads it.

import ExitKit
import Glibc

private final class Captured: Sendable { deinit {} }

private struct Failure: Error {}

@inline(never) private func spin(_ count: Int) { for _ in 0..<count { step() } }
@inline(never) private func step() {}

/// The last job of the second handler goes on for a millisecond after the handler has ended.
@c(plugin_visit)
public func visit() {
  atExit { exit in
    puts("\(exit.reason), \(exit.status == nil ? "no status" : "a status")")
  }
  let captured = Captured()
  atExit {
    await withCheckedContinuation { handler in
      Task.detached {
        _ = captured
        handler.resume()
        spin(300_000)
      }
    }
    puts("asynchronous")
  }
}

private final class Thing: Sendable {}
private let thing = Thing()

/// Registers handlers that fail on the process stack and on a stack nested in the process stack, and a finalizer.
@c(plugin_fail_variously)
public func failVariously() {
  atExit(name: "plain") { throw Failure() }
  ExitStack.process.nested("nested").register(name: "nested") { throw Failure() }
  finalize(thing, name: "thing") { throw Failure() }
}

/// The plugin's own reporter for the plugin's own failures.
@c(plugin_reports)
public func reports() { ExitStack.process.onFailure { puts("plugin: \($0.name ?? "")") } }

/// Registers a handler that fails, and returns the grace period in seconds.
@c(plugin_fail)
public func fail() -> CInt {
  atExit { throw Failure() }
  return CInt(ExitStack.process.mainActorGracePeriod.components.seconds)
}
