// SPDX-License-Identifier: Apache-2.0
// Exits from unlikely places, and registrations at unlikely times.

import CWays
import ExitKit
import Glibc
import Ways

private let crowd = 64

private func registerCrowd() {
  for number in 0..<crowd { atExit { say("\(number)") } }
}

private func registerCrowdThatExits() {
  for number in 0..<crowd {
    atExit {
      say("\(number)")
      exit(Int32(number + 1))
    }
  }
}

private func announce(_ numbers: [Int], _ labelled: [String: String]) { print("h4", numbers, labelled) }

struct Usage: ExitStatusError { var exitStatus: Int32 { 64 } }

final class Witness: Sendable {
  let name: String
  init(_ name: String) { self.name = name }
  deinit { say("released", name) }
}

let exitCases: [String: Case] = [
  "two tasks exit": {
    registerCrowd()
    for status: Int32 in 11...12 { Task.detached { exit(status) } }
    await suspend()
  },
  "many tasks exit": {
    registerCrowd()
    for status in 0..<crowd { Task.detached { exit(Int32(100 + status)) } }
    await suspend()
  },
  "many tasks exit, each handler exits": {
    registerCrowdThatExits()
    for status in 0..<crowd { Task.detached { exit(Int32(100 + status)) } }
    await suspend()
  },
  "every handler exits": { registerCrowdThatExits() },
  "every asynchronous handler exits": {
    for number in 0..<crowd {
      atExit {
        await Task.yield()
        say("\(number)")
        leave(Int32(number + 1))
      }
    }
  },
  "a handler of a stack run by hand exits": {
    atExit { say("process") }
    let stack = ExitStack("hand")
    stack.register { say("hand, older") }
    stack.register { exit(5) }
    stack.register { say("hand, newer") }
    stack.run()
    say("not reached")
  },
  "a handler run by hand exits": {
    atExit { say("older") }
    let handler = atExit { exit(5) }
    atExit { say("newer") }
    handler.run()
    say("not reached")
  },
  "a handler runs the rest by hand": {
    atExit { say("older") }
    atExit {
      say("ran \(ExitStack.process.run().records.count)")
    }
    atExit { say("newer") }
  },
  "a handler registers": {
    atExit { say("older") }
    atExit {
      atExit { say("next") }
      atExit(phase: .early) { say("early") }
      atExit(phase: .late) { say("late") }
    }
  },
  "a handler cancels and runs others": {
    let cancelled = atExit { say("cancelled") }
    let run = atExit { say("run") }
    atExit { say("cancel \(cancelled.cancel())", "run \(run.run())", "again \(run.run())") }
  },
  "captures are released": {
    atExit { [older = Witness("older")] in say(older.name) }
    atExit { [newer = Witness("newer")] in
      say(newer.name)
      throw DiskFull()
    }
    atExit { [asynchronous = Witness("async")] in
      await Task.yield()
      say(asynchronous.name)
    }
    atExit { [cancelled = Witness("cancelled")] in say(cancelled.name) }.cancel()
    exit(0)
  },
  "registered by what libc runs later": {
    atexit { atExit { say("late, pending \(ExitStack.process.count)") } }
    atExit { say("ours") }
    atexit { say("libc's, newer") }
  },
  "registered after the end": {
    atExit { say("ours") }
    in_last_flush {
      let handler = atExit(name: "too late") { [witness = Witness("capture")] in say("never", witness.name) }
      say("pending \(handler.isPending)")
      say("nested \(ExitStack.process.nested().register { say("never") }.isPending)")
    }
  },
  "a synchronous scope": {
    atExit { say("process") }
    exitAfter {
      try withExitStack { stack in
        stack.register { say("scope") }
        throw DiskFull()
      }
    }
  },
  "an asynchronous scope": {
    await exitAfter {
      try await withExitStack { stack in
        atExit { say("process") }
        stack.register {
          await Task.yield()
          say("scope")
        }
        await Task.yield()
        throw DiskFull()
      }
    }
  },
  "exit in a scope": {
    withExitStack { stack in
      stack.register { say("scope") }
      let nested = ExitStack.process.nested("scope")
      nested.register { say("nested") }
      exit(3)
    }
  },
  "exit in an asynchronous scope": {
    await withExitStack { stack in
      stack.register { say("scope") }
      let nested = ExitStack.process.nested("scope")
      nested.register { say("nested") }
      await Task.yield()
      leave(3)
    }
  },
  "error": { exitAfter { throw DiskFull() } },
  "error that the program tells": { exitAfter(report: { say("told", "\($0)") }) { throw DiskFull() } },
  "error that the program tells, asynchronous": {
    await exitAfter(status: { (_: DiskFull) in 74 }, report: { say("told", "\($0)") }) {
      await Task.yield()
      throw DiskFull()
    }
  },
  "error with a status of its own": { exitAfter { throw Usage() } },
  "error with a status of its own, mapped": { exitAfter(status: { (_: Usage) in 3 }) { throw Usage() } },
  "error with a status of its own, told": { exitAfter(report: { say("told", "\($0)") }) { throw Usage() } },
  "error of another type": { exitAfter(status: { (_: CancellationError) in 64 }) { throw DiskFull() } },
  "no error": {
    atExit { say("handler") }
    exitAfter { say("body") }
  },
  "an object that lives to the end": {
    let witness = Witness("object")
    finalize(witness) { say("finalized") }
    withExtendedLifetime(witness) { exit(3) }
  },
  "a handler starts a task": {
    atExit {
      await Task {
        await Task.yield()
        say("task")
      }.value
    }
  },
  "arguments": {
    atExit { print("h1") }
    atExit(announce, [], [:])
    atExit(announce, [4], ["kw": "abc"])
  },
  "early, normal, late": {
    for phase in [ExitPhase.late, .normal, .early] {
      atExit(phase: phase) { say("\(phase) 1") }
      atExit(phase: phase) { say("\(phase) 2") }
    }
  },
  "no memory is left": {
    for _ in 0..<40 { atExit { write(STDOUT_FILENO, "ran\n", 4) } }
    var limit = rlimit(rlim_cur: 0, rlim_max: 0)
    getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
    limit.rlim_cur = 1 << 20
    setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
    for size in [1 << 16, 1 << 10, 64, 16] { while takeMemory(size) {} }
    exit(3)
  },
]

nonisolated(unsafe) private var taken: UnsafeMutableRawPointer?

/// Keeps its argument: an optimizer would leave out a value that is not used, and the limit would never be met.
private func takeMemory(_ size: Int) -> Bool {
  guard let more = malloc(size) else { return false }
  more.storeBytes(of: taken, as: UnsafeMutableRawPointer?.self)
  taken = more
  return true
}

private func leave(_ status: Int32) { exit(status) }
