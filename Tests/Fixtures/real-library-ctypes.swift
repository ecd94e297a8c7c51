// SPDX-License-Identifier: Apache-2.0
// A Swift library for Python, which loads it by ctypes.

import ExitKit
import Glibc

private func say(_ text: String) {
  write(STDOUT_FILENO, text + "\n", text.utf8.count + 1)
}

@_cdecl("register_handler")
public func registerHandler() {
  atExit { say("Swift's handler") }
}

@_cdecl("register_with_libc")
public func registerWithLibc() -> CInt {
  atexit { say("libc's handler") }
}

@_cdecl("register_callback")
public func register(_ callback: @convention(c) () -> Void) {
  atExit { callback() }
}

@_cdecl("ask_for_signals")
public func askForSignals() -> CInt {
  do { try exitOnSignals() } catch { return 1 }
  return 0
}

@_cdecl("leave")
public func leave(_ status: CInt) {
  ExitStack.process.exit(status)
}
