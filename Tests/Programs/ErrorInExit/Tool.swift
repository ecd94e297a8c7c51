// SPDX-License-Identifier: Apache-2.0
// An error out of a main without tasks, while another thread exits. The handlers end after main has trapped.

import CExitShim
import CExitShim.Binding
import ExitKit
import Glibc
import Synchronization

struct DatabaseClosed: Error {}
let isClosed = Atomic(false)

@main struct Tool {
  static func main() throws {
    atExit { print("the rest") }
    atExit {
      isClosed.store(true, ordering: .sequentiallyConsistent)
      while !cexit_main_borrow() { sched_yield() }  // until main stands still
      cexit_main_give_back()
      print("closed")
    }
    try ExitStack.process.requestExit(3)
    while !isClosed.load(ordering: .sequentiallyConsistent) { sched_yield() }
    throw DatabaseClosed()
  }
}
