// SPDX-License-Identifier: Apache-2.0
// What plain Swift does with libc's own atexit: no part of ExitKit is here. The first argument names the case.

import CWays
import Dispatch
import Glibc
import Synchronization

nonisolated func say(_ line: String) {
  var line = line + "\n"
  line.withUTF8 { _ = write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}

nonisolated let entered = Atomic(0)

/// The first thread that exits stays in its handler until the second one has run so many that libc has freed the block of
/// its list which the first one still stands in. The second one then waits for it, as long as a crash may take.
nonisolated func registerCrowd() {
  for _ in 0..<64 {
    atexit {
      let number = entered.add(1, ordering: .sequentiallyConsistent).newValue
      if number == 1 { while entered.load(ordering: .sequentiallyConsistent) < 48 { sched_yield() } }
      say("handler")
      if number == 48 { poll(nil, 0, 2000) }
    }
  }
}

nonisolated func registerFamily() {
  atexit { say("parent's") }
}

nonisolated func registerExiting() {
  atexit { say("older") }
  atexit { exit(5) }
}

final class Session: Sendable {
  deinit { say("deinit") }
}

switch CommandLine.arguments.dropFirst().first {
case "main actor's handler":
  atexit { say("handler") }
  Task.detached { exit(3) }
  dispatchMain()
case "two tasks exit":
  registerCrowd()
  Task.detached { exit(11) }
  Task { exit(12) }  // the main actor's, which needs no second processor
  dispatchMain()
case "cleanup in a task":
  Task { say("cleaned up") }
case "object":
  let session = Session()
  withExtendedLifetime(session) { exit(3) }
case "fork":
  registerFamily()
  let child = fork_process()
  if child == 0 { exit(7) }
  var status: Int32 = 0
  waitpid(child, &status, 0)
  say("child: \(status >> 8)")
case "exit in a handler":
  registerExiting()
default: _exit(98)
}
