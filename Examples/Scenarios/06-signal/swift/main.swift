// SPDX-License-Identifier: Apache-2.0
// A child killed by SIGTERM runs no handler, unless the child asked for signals; the child dies of SIGTERM either way.
// The program starts itself again as the child, with the end of a pipe to close when the child is ready.

import ExitKit
import Glibc

let ready: Int32 = 3

func child(takesSignals: Bool) throws -> Never {
  if takesSignals { try exitOnSignals() }
  print("CHILD: Registering atexit handler")
  atExit { print("CHILD: atexit handler") }
  print("CHILD: Pausing to wait for signal")
  fflush(nil)
  close(ready)
  while true { pause() }
}

func parent(takesSignals: Bool) -> Int32 {
  var ends: [Int32] = [0, 0]
  var pid: pid_t = 0
  var status: Int32 = 0
  var byte: UInt8 = 0
  var actions = posix_spawn_file_actions_t()
  pipe(&ends)
  posix_spawn_file_actions_init(&actions)
  posix_spawn_file_actions_addclose(&actions, ends[0])
  posix_spawn_file_actions_adddup2(&actions, ends[1], ready)
  if ends[1] != ready { posix_spawn_file_actions_addclose(&actions, ends[1]) }
  let words = ["signal", "child", takesSignals ? "--take-signals" : ""]
  var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
  posix_spawn(&pid, "/proc/self/exe", &actions, nil, &arguments, environ)
  close(ends[1])
  read(ends[0], &byte, 1)
  print("PARENT: Signaling child")
  fflush(nil)
  kill(pid, SIGTERM)
  waitpid(pid, &status, 0)
  return status & 0x7f == SIGTERM ? 0 : 1
}

let takesSignals = CommandLine.arguments.contains("--take-signals")
if CommandLine.arguments.contains("child") { try child(takesSignals: takesSignals) }
exit(parent(takesSignals: takesSignals))
