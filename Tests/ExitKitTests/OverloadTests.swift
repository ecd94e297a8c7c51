// SPDX-License-Identifier: Apache-2.0
//
// Functions, closures and scopes of types that look alike.

import Dispatch
import ExitKit
import Glibc
import Testing

private let isMainQueue = DispatchSpecificKey<Bool>()

private protocol Closing: AnyObject, Sendable {}
private final class File: Closing {}

/// Not `Sendable`.
private final class Connection {
  private let log: Log
  init(_ log: Log) { self.log = log }
  func close() { log.note("closed") }
}

private actor Worker {
  private let log: Log
  init(_ log: Log) { self.log = log }

  func close() { log.note("closed") }

  func scope() async -> [String] {
    await withExitStack { stack in stack.register { await self.finish() } }
    return log.all
  }

  private func finish() async {
    await Task.yield()
    log.note("finished")
  }
}

@Suite struct OverloadTests {
  let log = Log()
  let stack = ExitStack("overloads")

  /// The synchronous one would hold the actor that the handler waits for.
  @Test(.timeLimit(.minutes(1)))
  func `in an asynchronous function a scope suspends, though its body awaits nothing`() async {
    #expect(await Worker(log).scope() == ["finished"])
  }

  @Test func `a closure may capture values that are not Sendable`() {
    let connection = Connection(log)
    stack.register(sending: { connection.close() })
    #expect(stack.run().failures.isEmpty)
    #expect(log.all == ["closed"])
  }

  @Test @MainActor func `a closure of no actor runs where its stack runs, though made on the main actor`() async {
    let log = log
    let stack = stack
    // The main queue is known by a mark. The thread that serves the queue may serve the pool a moment later.
    DispatchQueue.main.setSpecific(key: isMainQueue, value: true)
    stack.register(nonisolated: { log.note(DispatchQueue.getSpecific(key: isMainQueue) == true ? "main" : "elsewhere") }
    )
    await Task.detached { _ = await stack.runAsync() }.value
    #expect(log.all == ["elsewhere"])
  }

  @Test func `an asynchronous method by its name, of an object and of an actor`() async {
    let worker = Worker(log)
    stack.register { await worker.close() }
    stack.register(log.noteLater)
    stack.register(log.noteLaterTwice, "argument")
    #expect(await stack.runAsync().failures.isEmpty)
    #expect(log.all == ["argument", "argument", "later", "closed"])
  }

  @Test func `an object that is known by a protocol has finalizers like any other`() {
    let log = log
    var file: (any Closing)? = File()
    let finalizer = stack.finalize(file!) { log.note("gone") }
    #expect(finalizer.peek() === file)
    file = nil
    if !finalizer.isPrompt { stack.run() }
    #expect(log.all == ["gone"])
  }

  @Test func `exit in a scope on the process stack runs the scope's handlers in their place`() async {
    let result = await #expect(processExitsWith: .exitCode(3), observing: [\.standardOutputContent]) {
      atExit { print("older") }
      withExitStack(on: .process, "first") { stack in stack.register { print("over") } }
      withExitStack(on: .process) { stack in
        stack.register { print("scope") }
        atExit { print("newer") }
        exit(3)
      }
    }
    #expect(
      String(decoding: result?.standardOutputContent ?? [], as: UTF8.self) == "over\nnewer\nscope\nolder\n")
  }
}

extension Log {
  fileprivate func noteLater() async {
    await Task.yield()
    note("later")
  }

  fileprivate func noteLaterTwice(_ line: String) async {
    note(line)
    await Task.yield()
    note(line)
  }
}
