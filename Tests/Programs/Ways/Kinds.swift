// SPDX-License-Identifier: Apache-2.0
//
// One handler of each kind. Each says its name, so a transcript shows which ran, and in which order.

import CExitShim
import ExitKit

@MainActor private var hops = 0

/// Alive to the end.
private final class Connection: Sendable {}
private let connection = Connection()

/// Holds a state that a handler can only reach by a hop.
public actor Worker {
  public static let shared = Worker()
  private var steps = 0

  func step() async {
    await Task.yield()
    steps += 1
  }

  func register() {
    atExit {
      self.steps += 1
      say("actor")
    }
  }
}

private func announce(_ what: String, _ number: Int) { say(what, "\(number)") }

private func announceLater(_ what: String, _ number: Int) async {
  await Worker.shared.step()
  say(what, "\(number)")
}

private func describe(_ exit: ExitContext) -> String {
  "\(exit.reason.signal.map { "\($0)" } ?? "\(exit.reason)") \(exit.status.map { "\($0)" } ?? "unknown")"
}

/// Registers them, and returns once they are all registered.
public nonisolated(nonsending) func registerEveryKindAndAnActors() async {
  await Worker.shared.register()
  await MainActor.run { registerEveryKind() }
}

@MainActor public func registerEveryKind() {
  registerC()
  registerPlain()
  registerOnMain()
  registerNested()
}

/// Not in a main-actor context: there a closure for a C function is the main actor's, and traps on other threads.
private func registerC() {
  cexit_atexit { say("C function") }
  var entry = cexit_entry()
  entry.function = { _ in say("C entry") }
  cexit_register(nil, &entry, nil)
}

private func registerNested() {
  let module = ExitStack.process.nested("module")
  module.register { say("nested, first") }
  module.register {
    await Worker.shared.step()
    say("nested, async")
  }
}

private func registerPlain() {
  atExit(phase: .late) { say("late") }
  atExit(phase: .early) { say("early") }
  atExit { say("closure") }
  atExit(announce, "arguments", 2)
  finalize(connection) { say("finalizer") }
  atExit { exit in say("context", describe(exit)) }
  atExit {
    await withTaskGroup { group in
      for _ in 0..<4 { group.addTask { await Worker.shared.step() } }
    }
    try await Task.sleep(for: .nanoseconds(1))
    say("async")
  }
  atExit(announceLater, "async arguments", 2)
  atExit { exit in
    await Worker.shared.step()
    say("async context", describe(exit))
  }
  atExit { await MainActor.run { say("async, hops to the main actor") } }
  atExit(name: "throws") { throw DiskFull() }
  atExit(name: "throws later") {
    await Task.yield()
    throw DiskFull()
  }
}

@MainActor private func bump(_ step: Int) {
  hops += step
  say("main actor arguments")
}

@MainActor private func registerOnMain() {
  atExit(name: "main actor") {
    hops += 1
    say("main actor")
  }
  atExit(name: "main actor arguments", bump, 10)
  atExit(name: "main actor async") {
    await Worker.shared.step()
    hops += 100
    say("main actor async")
  }
}
