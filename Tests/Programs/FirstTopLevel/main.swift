// SPDX-License-Identifier: Apache-2.0
//
// CExitFirst is linked, and nothing else done: the way out is the end of main.swift, or plain exit in a task.

import ExitKit
import Glibc
import Ways

atExit { say("handler of main.swift") }
atExit { await Task { @MainActor in say("async handler") }.value }
nonisolated func sayInLibc() { say("libc's") }
atexit(sayInLibc)
if CommandLine.arguments.contains("exit") {
  Task.detached { exit(3) }
  try await Task.sleep(for: .seconds(60))
}
