// SPDX-License-Identifier: Apache-2.0
// A client that calls all there is, to be compiled in each configuration that clients have.

#if IMPORTED_INTERNALLY
  internal import ExitKit
#else
  import ExitKit
#endif

nonisolated final class Connection: Sendable {
  func close() {}
  func shutdown() async {}
  func drain(_ count: Int) async throws {}
  func told(_ exit: ExitContext) async {}
}

nonisolated protocol Closing: AnyObject, Sendable {}
nonisolated final class File: Closing {}

actor Worker {
  private var steps = 0
  func step() async { steps += 1 }
  func register() { atExit { self.steps += 1 } }
  func scope() async -> Int {
    await withExitStack { stack in stack.register { await self.step() } }
    return steps
  }
}

@MainActor func clean() async {}
nonisolated func flush() {}
nonisolated func flush(_ file: String) {}

func handlers(_ connection: Connection, _ worker: Worker) {
  atExit {}
  atExit(name: "close", phase: .late, inForkedChildren: true, timeout: .seconds(1)) { connection.close() }
  atExit { exit in _ = exit.status }
  atExit { await connection.shutdown() }
  atExit { exit in
    _ = exit.reason
    try await connection.drain(1)
  }
  atExit { await worker.step() }
  atExit { @MainActor in await clean() }
  atExit(nonisolated: { connection.close() })
  atQuickExit { connection.close() }
  atExit({ (number: Int, text: String) in _ = (number, text) }, 1, "one").cancel()
}

#if !WITHOUT_FUNCTIONS_BY_NAME
  func functionsByName(_ connection: Connection, on stack: ExitStack) {
    atExit(flush)
    atExit(flush, "log")
    atExit(connection.close)
    atExit(connection.shutdown)
    atExit(connection.told)
    atExit(connection.drain, 1)
    atExit(clean)
    stack.register(connection.shutdown)
    stack.register(connection.drain, 1)
  }
#endif

func register(_ connection: Connection, on stack: ExitStack) {
  stack.register(nonisolated: { connection.close() })
}

func stacks(_ connection: Connection) async throws {
  let stack = ExitStack("client")
  register(connection, on: stack)
  stack.register { connection.close() }.run()
  stack.onFailure { failure in _ = failure.description }
  stack.statusOnFailure = 70
  _ = stack.nested("nested").count
  _ = await stack.runAsync().failures
  stack.run()
  try withExitStackOfClient()
  await withExitStack(on: .process) { stack in stack.register {} }
}

func withExitStackOfClient() throws {
  try withExitStack("scope") { stack in
    stack.register {}
    if stack.count == 0 { throw CancellationError() }
  }
}

func finalizers(_ connection: Connection, _ closing: any Closing) throws {
  let finalizer = finalize(connection, name: "connection") { 1 }
  _ = try finalizer()
  finalize(closing) {}
  finalize(File(), { (number: Int) in number }, 1).runsAtExit = false
  _ = OwnedFinalizer { 1 }
}

func process() throws {
  try exitOnSignals()
  try ExitStack.process.setDeadline(.seconds(10))
  try ExitStack.process.mark()
  if ExitStack.process.count == 0 { exitAfter(status: { (_: CancellationError) in 64 }) { throw CancellationError() } }
}
