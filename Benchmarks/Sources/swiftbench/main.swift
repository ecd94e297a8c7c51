// SPDX-License-Identifier: Apache-2.0
//
// The measures of the Swift layer. `bench` runs them, each in a process of its own: swiftbench --measure NAME prints
// nanoseconds for one handler.

import ExitKit
import Synchronization

let million = 1_000_000

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

func registerOnMain() {  // these closures are the main actor's, as all are that main.swift makes
  for number in 0..<million { atExit { @MainActor in handler(number) } }
}

switch CommandLine.arguments.last {
case "register":
  stopwatch.start()
  register()
  stopwatch.tell()
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
