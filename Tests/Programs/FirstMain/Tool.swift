// SPDX-License-Identifier: Apache-2.0
//
// CExitFirst is linked, and nothing else done: the way out is the return from a synchronous main, or plain exit.

import ExitKit
import Glibc
import Ways

@main struct Tool {
  static func main() {
    atExit { say("handler") }
    atExit { await Task { @MainActor in say("async handler") }.value }
    atexit { say("libc's") }
    if CommandLine.arguments.contains("exit") { exit(3) }
  }
}
