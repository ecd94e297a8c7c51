// SPDX-License-Identifier: Apache-2.0
// Every kind of function that the attribute takes, from the one that runs last to the one that runs first.

import ExitKit

struct DiskFull: Error {}

@AtExit func plain() { print("plain") }
@AtExit(name: "sink", phase: .late) func inPhase() { print("late") }
@AtExit func throwing() throws(DiskFull) { throw DiskFull() }
@AtExit nonisolated func asynchronous() async {
  await Task.yield()
  await onMain()
}

@MainActor private func onMain() { print("asynchronous, on the main actor") }

@AtExit func withContext(of exit: ExitContext) { print("status", exit.status ?? -1) }
@AtExit func withDefaults(_ number: Int = 3, names: String...) -> Int {
  print("defaults", number)
  return number
}

func overloaded() { print("overloaded") }
@AtExit func overloaded() async { print("overloaded, asynchronous") }

@MainActor @AtExit func isolated() { print("isolated") }
@AtExit @MainActor func isolatedWithDefaults(_ number: Int = 4) { print("isolated", number) }

enum Log {
  @AtExit static func flush() { print("Log.flush") }

  final class Rotation {
    @AtExit fileprivate class func end() { print("Log.Rotation.end") }
  }
}

extension Log.Rotation {
  @AtExit static func `defer`() { print("Log.Rotation.defer") }
}

@MainActor struct Screen {
  @AtExit static func restore() { print("Screen.restore") }
  @AtExit static func count(from start: Int = 5) -> Int {
    print("Screen.count", start)
    return start
  }
}

@globalActor actor Database {
  static let shared = Database()
  @AtExit static func close() { print("Database.close") }
}

@Database @AtExit func vacuum() { print("vacuum") }

#if true
  @AtExit func underCondition() { print("under condition") }
#endif
