// SPDX-License-Identifier: Apache-2.0
// What a program knows of its own trace.

import ExitKit
import Glibc
import Ways

let traceCases: [String: Case] = [
  "trace": {
    say(ExitTrace.process?.path ?? "none")
    ExitStack.process.register(name: "older") {}
    ExitStack.process.register(name: "newer") {
      let text = ExitTrace.process?.text
      let begun = ["newer", "older"].map { text?.contains(#"{"name":"\#($0)","cat":"handler""#) == true }
      say(text == nil ? "none" : begun == [true, false] ? "newer begins, older not" : "\(begun)")
    }
    exit(0)
  },
  "caller of exit": {
    register()
    leavesByExit()
  },
  "caller of exitAfter": {
    register()
    leavesByExitAfter()
  },
  "caller of exitAfter with an error": {
    register()
    failsInExitAfter()
  },
  "caller of exitAfter, asynchronous": {
    register()
    await leavesByAsyncExitAfter()
  },
  "caller of exitAfter with an error, asynchronous": {
    register()
    await failsInAsyncExitAfter()
  },
]

private func register() { ExitStack.process.register(name: "handler") {} }
@inline(never) private func leavesByExit() { ExitStack.process.exit(3) }
@inline(never) private func leavesByExitAfter() { exitAfter {} }
@inline(never) private func failsInExitAfter() { exitAfter(report: { _ in }) { throw DiskFull() } }
@inline(never) private func leavesByAsyncExitAfter() async { await exitAfter { await Task.yield() } }
@inline(never) private func failsInAsyncExitAfter() async {
  await exitAfter(report: { _ in }) {
    await Task.yield()
    throw DiskFull()
  }
}
