// SPDX-License-Identifier: Apache-2.0
// Closures on the process's own stack, which holds them as they are, run by hand and at exit.

import ExitKit
import Ways

private actor Place {
  func add() {
    atExit {
      self.assertIsolated()
      say("an actor's")
    }
  }
}

private nonisolated func addPlain() {
  atExit { [witness = Witness("older")] in say(witness.name) }
  atExit { throw DiskFull() }
  atExit { [witness = Witness("newer")] in say(witness.name) }
}

@MainActor private func addIsolated() async {
  addPlain()
  atExit { @MainActor in
    MainActor.assertIsolated()
    say("the main actor's")
  }
  await Place().add()
}

@concurrent private nonisolated func elsewhere() async { ExitStack.process.run().tell() }

extension ExitReport {
  fileprivate func tell() {
    for record in records {
      if case .failed = record.outcome { say("line \(record.location!.line) failed") }
      if case .succeeded = record.outcome { say("line \(record.location!.line) went well") }
    }
  }
}

let processStackCases: [String: Case] = [
  "run": {
    await addIsolated()
    ExitStack.process.run().tell()
  },
  "runAsync": {
    await addIsolated()
    await ExitStack.process.runAsync().tell()
  },
  "run elsewhere": {
    await addIsolated()
    await elsewhere()
  },
  "at exit": { await addIsolated() },
  "one by one": {
    let first = atExit { [witness = Witness("first")] in say(witness.name) }
    let second = atExit { [witness = Witness("second")] in say(witness.name) }
    let third = atExit { throw DiskFull() }
    say("\(first.run()), \(first.run()), \(first.cancel())")
    say("\(second.cancel()), \(second.cancel()), \(second.run())")
    say("\(third.run())")
  },
  "cancelled together": {
    addPlain()
    say("\(ExitStack.process.cancelAll())")
  },
  "unregistered": {
    atExit { say("runs") }
    atExit(inForkedChildren: true, timeout: .seconds(-1)) { [witness = Witness("unusable")] in say(witness.name) }
  },
]
