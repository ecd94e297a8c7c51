// SPDX-License-Identifier: Apache-2.0
// Plain Swift with libc's `atexit` and without ExitKit, for comparison. The first argument names the case.

import CWays
import Dispatch
import Glibc
import Synchronization

nonisolated func say(_ line: String) {
  var line = line + "\n"
  line.withUTF8 { _ = write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}

nonisolated let entered = Atomic(0)

/// Shows a crash of libc. The first thread to exit stays in its handler until the second thread has run 47 handlers, so
/// that libc has freed the block of the list in which the first thread is. Then the second thread gives the crash time.
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
  Task { exit(12) }  // a task of the main actor
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
