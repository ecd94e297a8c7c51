// SPDX-License-Identifier: Apache-2.0
// Every form of call, in a type with an asynchronous main.

import ExitKit

struct DiskFull: Error {}

struct Log {
  func flush() throws { throw DiskFull() }
}

actor Client {
  func shutdown() { print("shut down") }
}

final class Connection {}  // of which the library knows nothing, and which is not Sendable

func myCleanup(_ name: String) { print("my_cleanup(\(name))") }
func record(_ left: Int, _ right: Int) -> Int { left + right }

@main struct Tool {
  static func main() async {
    await exitAfter(status: { (_: DiskFull) in 65 }) { try await Tool().run() }
  }

  func close() { print("closed") }

  func run() async throws {
    let log = Log()
    let client = Client()
    let object = Connection()
    defer { withExtendedLifetime(object) {} }

    // Handlers
    atExit { print("all_done()") }
    atExit(myCleanup, "first")
    atExit(name: "flush", phase: .late) { try log.flush() }
    atExit { exit in print(exit.reason, exit.status as Any) }
    atExit { await client.shutdown() }
    atExit { close() }
    atExit(name: "mine", phase: .early, inForkedChildren: true, timeout: .seconds(60)) { print("early") }

    let handler = atExit(name: "by hand") { print("by hand") }
    handler.cancel()
    print(handler.run(), handler.isPending, handler.name ?? "", handler.location.fileID)
    print(ExitStack.process.cancel(named: "my_cleanup"))

    // Finalizers
    let f = finalize(object) { print("finalized") }
    let g = finalize(object, record, 67, 43)
    f.runsAtExit = false
    print(f.isAlive, f.runsAtExit, f.peek() === object)
    print(try f() == nil, try g() ?? 0, g.detach() == nil)
    finalize(object) { print("at exit") }

    // Stacks
    let module = ExitStack.process.nested("MyModule")
    module.register { print("Cleaning up module") }
    module.finalize(object) { print("Cleaning up module object") }

    let stack = ExitStack("test")
    let other = ExitStack()
    stack.register { print("on a stack") }
    stack.register(myCleanup, "on a stack")
    stack.register { exit in print(exit.reason) }
    stack.moveAll(to: other)
    let report = other.run()
    print(report.records.count, report.failures.count, stack.count)
    stack.cancelAll()

    await withExitStack { stack in stack.register { print("scope") } }
    try await withExitStack { stack in try Log?.none?.flush() }

    try await withExitStack { stack in
      stack.register { await client.shutdown() }
      await Task.yield()
      try Log?.none?.flush()
    }

    // Leaving
    try exitOnSignals()
    try exitOnSignals(.interrupt, .terminate, .hangup)
    ExitStack.process.deadline = .seconds(60)
    ExitStack.process.statusOnFailure = 1
    ExitStack.process.onFailure { failure in print(failure.name ?? "", failure.error) }
    let ways = CommandLine.arguments.dropFirst()  // each leaves the process
    if ways.contains("plain") { exitAfter { try Log?.none?.flush() } }
    if ways.contains("status") { exitAfter(status: { (_: DiskFull) in 64 }) { try Log?.none?.flush() } }
    if ways.contains("async") { await exitAfter { await client.shutdown() } }
    if ways.contains("async status") {
      await exitAfter(status: { (_: DiskFull) in 64 }) { await client.shutdown() }
    }
    throw DiskFull()
  }
}
