// SPDX-License-Identifier: Apache-2.0
// Handlers that fail, and what is told of it.

import CExitShim
import ExitKit
import Glibc
import Ways

private func fail(_ number: Int) throws { throw DiskFull() }

private func failLater(_ number: Int) async throws {
  await Task.yield()
  throw DiskFull()
}

/// Five that fail between two that do not.
private func registerFailing() {
  atExit { say("older") }
  atExit(name: "arguments", fail, 1)
  atExit(name: "async arguments", failLater, 1)
  atExit(name: "async") {
    await Task.yield()
    throw DiskFull()
  }
  atExit(name: "context") { (_: ExitContext) in throw DiskFull() }
  ExitStack.process.nested().register(name: "nested") { throw DiskFull() }
  atExit { say("newer") }
}

private func registerInC(_ name: StaticString, _ function: @escaping @convention(c) (UnsafeMutableRawPointer?) -> Void)
{
  var entry = cexit_entry()
  entry.function = function
  entry.name = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
  _ = cexit_register(nil, &entry, nil)
}

/// Returns the end that is read.
private func pipeInPlaceOfStandardError() -> Int32 {
  var ends: [Int32] = [-1, -1]
  _ = (pipe(&ends), dup2(ends[1], STDERR_FILENO))
  return ends[0]
}

private func readLine(of file: Int32) -> String {
  var bytes: [UInt8] = []
  var byte: UInt8 = 0
  while read(file, &byte, 1) == 1, byte != 10 { bytes.append(byte) }
  return String(decoding: bytes, as: UTF8.self)
}

@MainActor private var reported = 0

let failureCases: [String: Case] = [
  "failures": { registerFailing() },
  "failures, exit 3": {
    ExitStack.process.statusOnFailure = 70
    registerFailing()
    exit(3)
  },
  "failures, status 70": {
    ExitStack.process.statusOnFailure = 70
    registerFailing()
  },
  "failure, status of a nested stack": {
    let nested = ExitStack.process.nested()
    ExitStack.process.statusOnFailure = 70
    nested.statusOnFailure = 71
    nested.register(name: "nested") { throw DiskFull() }
  },
  "no failure, status 70": {
    ExitStack.process.statusOnFailure = 70
    atExit { say("fine") }
  },
  "failure of a stack run by hand, status 70": {
    ExitStack.process.statusOnFailure = 70
    let stack = ExitStack()
    stack.register(name: "by hand") { throw DiskFull() }
    stack.run()
  },
  "reporter": {
    ExitStack.process.onFailure { say("reported", $0.name ?? "", "\($0.error)") }
    registerFailing()
  },
  "failures of C": {
    ExitStack.process.statusOnFailure = 70
    ExitStack.process.onFailure { say("reported", $0.name ?? "", "\($0.error)") }
    registerInC("flush") { _ in
      cexit_fail("disk full")
      say("goes on")
    }
  },
  "failures of C, reporter taken away": {
    ExitStack.process.onFailure { _ in say("never") }
    ExitStack.process.removeFailureReporter()
    registerInC("flush") { _ in cexit_fail("disk full") }
  },
  "asynchronous handler that waits": {
    let standardError = pipeInPlaceOfStandardError()
    atExit(name: "shutdown") {
      let line = await Task.detached { readLine(of: standardError) }.value
      say(line.split(separator: "(")[0] + "…")
    }
  },
  "reporter, taken away": {
    ExitStack.process.onFailure { _ in say("never") }
    ExitStack.process.removeFailureReporter()
    atExit(name: "plain") { throw DiskFull() }
  },
  "reporter of the main actor": {
    ExitStack.process.mainActorGracePeriod = .seconds(60)
    ExitStack.process.onFailure { _ in
      reported += 1
      say("reported \(reported)")
    }
    registerFailing()
    Task.detached { exit(3) }
    await suspend()
  },
  "reporter that throws": {
    ExitStack.process.onFailure { _ in throw CancellationError() }
    atExit { say("older") }
    atExit(name: "plain") { throw DiskFull() }
  },
  "reporter that registers": {
    ExitStack.process.onFailure { failure in
      say("reported", failure.name ?? "")
      atExit { say("registered") }
    }
    atExit { say("older") }
    atExit(name: "plain") { throw DiskFull() }
  },
  "reporter that exits": {
    ExitStack.process.onFailure { failure in
      say("reported", failure.name ?? "")
      exit(9)
    }
    registerFailing()
  },
  "stderr closed": {
    close(STDERR_FILENO)
    registerFailing()
  },
  "stderr is a broken pipe": {
    var ends: [Int32] = [0, 0]
    pipe(&ends)
    dup2(ends[1], STDERR_FILENO)
    ends.forEach { close($0) }
    registerFailing()
  },
  "stderr is full": {
    dup2(open("/dev/full", O_WRONLY), STDERR_FILENO)
    registerFailing()
  },
]
