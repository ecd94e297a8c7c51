// SPDX-License-Identifier: Apache-2.0
// GRDB: a handler writes the last row and closes the database, under which main is still writing. So main fails because of the
// exit, and its error must not end the exit.
// Usage: notes FILE, or notes FILE find

import ExitKit
import GRDB
import Glibc

@main struct Notes {
  static func main() {
    exitAfter {
      let words = CommandLine.arguments
      let queue = try DatabaseQueue(path: words[1])
      if words.count > 2 {
        let found = try queue.read { try String.fetchOne($0, sql: "SELECT text FROM note WHERE text = 'goodbye'") }
        return print(found ?? "not found")
      }
      try queue.write { try $0.execute(sql: "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)") }
      // GRDB's queue serves any thread, and main is busy.
      atExit(
        name: "database",
        nonisolated: {
          try queue.write { try $0.execute(sql: "INSERT INTO note (text) VALUES ('goodbye')") }
          try queue.close()
          print("closed")
        })
      try exitOnSignals()
      while true {
        try queue.write { try $0.execute(sql: "INSERT INTO note (text) VALUES ('note')") }
        print("written")
        fflush(nil)
      }
    }
  }
}
