// SPDX-License-Identifier: Apache-2.0
// A forked child: what of its parent's it runs.

import CWays
import ExitKit
import Glibc
import Ways

/// Runs the body in a child, and says how that ended.
private func inChild(_ body: () -> Void) {
  let child = fork_process()
  if child == 0 {
    body()
    exit(7)
  }
  var status: Int32 = 0
  waitpid(child, &status, 0)
  say(status & 0x7F == 0 ? "child: \(status >> 8)" : "child: signal \(status & 0x7F)")
}

@MainActor private var value = "parent's state"

let forkCases: [String: Case] = [
  "fork, and the child only exits": {
    atExit { say("parent's") }
    inChild {}
  },
  "fork, and the child registers": {
    let parents = atExit { say("parent's") }
    inChild {
      say("pending \(parents.isPending), count \(ExitStack.process.count), cancel \(parents.cancel())")
      atExit { say("child's") }
      atExit {
        await Task.yield()
        await MainActor.run { say("child's async") }
      }
      atExit { exit in say("\(exit.reason) \(exit.status as Any)") }
    }
  },
  "fork, and the entry is inherited": {
    atExit { say("parent's") }
    atExit(inForkedChildren: true) { say("inherited") }
    ExitStack.process.nested("module").register(inForkedChildren: true) {
      await Task.yield()
      say("inherited", value)
    }
    inChild { value = "child's state" }
  },
  "fork, and the child adopts": {
    atExit { say("parent's") }
    ExitStack.process.nested("module").register { say("module's") }
    inChild {
      atExit { say("child's") }
      do { try ExitStack.process.adopt() } catch { say("\(error)") }
    }
  },
  "fork in a handler": {
    atExit { say("older") }
    atExit { inChild { atExit { say("child's") } } }
    exit(3)
  },
  "fork in a handler, and the child comes back": {
    atExit { say("older") }
    atExit {
      if fork_process() == 0 {
        atExit { say("child's") }
        return
      }
      var status: Int32 = 0
      wait(&status)
      say("child: \(status >> 8)")
    }
    exit(3)
  },
  "fork, and objects are the parent's": {
    let witness = Witness("object")
    atExit { say("parent's", witness.name) }
    inChild {}
  },
]
