// SPDX-License-Identifier: Apache-2.0
//
// The measures of the Swift layer. `bench` runs them, each in a process of its own: swiftbench --measure NAME prints
// nanoseconds for one handler. swiftbench COUNT NAME does as much with so many, to count instructions.

import ExitKit
import Synchronization

let million = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 1_000_000

@inline(never)
nonisolated func handler(_ number: Int) {}

/// Nanoseconds for one of a million since the clock was started.
struct Stopwatch: ~Copyable {
  private let started = Mutex(ContinuousClock.now)
  func start() { started.withLock { $0 = .now } }
  func tell() {
    let elapsed = started.withLock { $0.duration(to: .now) }.components
    print((Double(elapsed.seconds) * 1e9 + Double(elapsed.attoseconds) / 1e9) / Double(million))
  }
}

nonisolated let stopwatch = Stopwatch()

nonisolated func register() {
  for number in 0..<million { atExit { handler(number) } }
}

nonisolated func registerNamed() {
  for number in 0..<million { atExit(name: "a handler with a name") { handler(number) } }
}

nonisolated func registerLimited() {
  for number in 0..<million { atExit(timeout: .seconds(1)) { handler(number) } }
}

nonisolated func registerWithContext() {
  for number in 0..<million { atExit { (_: ExitContext) in handler(number) } }
}

func registerOnMain() {  // these closures are the main actor's, as all are that main.swift makes
  for number in 0..<million { atExit { @MainActor in handler(number) } }
}

/// What an array of closures costs, without the library.
struct Item { let body: @Sendable () throws -> Void }

nonisolated func append(to items: inout [Item]) {
  for number in 0..<million { items.append(Item { handler(number) }) }
}

nonisolated func callAndDrop(_ items: inout [Item]) {
  while let item = items.popLast() { try? item.body() }
}

nonisolated func timeArray(drain: Bool) {
  var items: [Item] = []
  if !drain { stopwatch.start() }
  append(to: &items)
  if drain { stopwatch.start() }
  if drain { callAndDrop(&items) }
  stopwatch.tell()
}

nonisolated func time(_ work: () -> Void) {
  stopwatch.start()
  work()
  stopwatch.tell()
}

switch CommandLine.arguments.last {
case "array": timeArray(drain: false)
case "drain_array": timeArray(drain: true)
case "register": time(register)
case "register_named": time(registerNamed)
case "register_limited": time(registerLimited)
case "register_context": time(registerWithContext)
case "drain_named":
  atExit { stopwatch.tell() }
  registerNamed()
  atExit { stopwatch.start() }
case "drain_context":
  atExit { stopwatch.tell() }
  registerWithContext()
  atExit { stopwatch.start() }
case "drain":
  atExit { stopwatch.tell() }
  register()
  atExit { stopwatch.start() }
case "drain_main":
  atExit { stopwatch.tell() }
  registerOnMain()
  atExit { stopwatch.start() }
case "cancel":
  let handlers = (0..<million).map { number in atExit { handler(number) } }
  stopwatch.start()
  for handler in handlers { handler.cancel() }
  stopwatch.tell()
case "one":
  atExit { handler(0) }
case "none":
  break
default:
  ExitStack.process.exit(2)
}
