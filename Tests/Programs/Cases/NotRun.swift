// SPDX-License-Identifier: Apache-2.0
// Ways to end that run no handler.

import ExitKit
import Glibc
import Ways

private func notRun(_ leave: @escaping @MainActor () -> Void) -> Case {
  {
    registerEveryKind()
    say("leaving")
    leave()
  }
}

let notRunCases: [String: Case] = [
  "_exit": notRun { _exit(4) },
  "quick_exit": notRun { quick_exit(4) },
  "abort": notRun { abort() },
  "fatalError": notRun { fatalError("on purpose") },
  "a trap": notRun {
    let numbers = CommandLine.arguments.map(\.count)
    say("\(numbers[numbers.count + 1])")
  },
  "SIGTERM": notRun { raise(SIGTERM) },
  "SIGKILL": notRun { raise(SIGKILL) },
  "exec": notRun {
    var words = ["sh", "-c", "echo executed; exit 4"].map { (word: String) in strdup(word) }
    words.append(nil)
    execv("/bin/sh", words)
  },
  "a plain error": {
    registerEveryKind()
    say("leaving")
    throw DiskFull()
  },
]
