// SPDX-License-Identifier: Apache-2.0
//
// CExitFirst is linked, and nothing else done: the way out is the return from an asynchronous main, or plain exit.

import ExitKit
import Glibc
import Ways

@main struct Tool {
  static func main() async {
    atExit { say("handler") }
    atExit { await Task { @MainActor in say("async handler") }.value }
    atexit { say("libc's") }
    await Task.yield()
    if CommandLine.arguments.contains("exit") { exit(3) }
  }
}
