// SPDX-License-Identifier: Apache-2.0
// Every form of call, at the top level of a program, where globals are the main actor's.

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

let log = Log()
let client = Client()
let object = Connection()
var count = 0

// Handlers
atExit { print("all_done()") }
atExit(myCleanup, "first")
atExit(name: "flush", phase: .late) { try log.flush() }
atExit { exit in print(exit.reason, exit.status as Any) }
atExit { await client.shutdown() }
atExit { count += 1 }
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

withExitStack { stack in stack.register { print("scope") } }
try withExitStack { stack in try Log?.none?.flush() }

// Leaving
try exitOnSignals()
try exitOnSignals(.interrupt, .terminate, .hangup)
ExitStack.process.deadline = .seconds(60)
ExitStack.process.statusOnFailure = 1
ExitStack.process.onFailure { failure in print(failure.name ?? "", failure.error) }
let ways = CommandLine.arguments.dropFirst()  // each leaves the process
if ways.contains("plain") { exitAfter { try Log?.none?.flush() } }
if ways.contains("status") { exitAfter(status: { (_: DiskFull) in 64 }) { try Log?.none?.flush() } }
if ways.contains("report") { exitAfter(report: { print("told:", $0) }) { throw DiskFull() } }
ExitStack.process.exit(3)
