// SPDX-License-Identifier: Apache-2.0
// A database that is opened in C and written in Swift: the commit, registered later, runs before the close, whichever
// way the program leaves. Usage: sqlite FILE return|exit|throw|check

import CDatabase
import CSQLite
import ExitKit
import Glibc

struct DatabaseError: Error { var message: String }

func execute(_ sql: String, on database: OpaquePointer) throws {
  guard sqlite3_exec(database, sql, nil, nil, nil) == SQLITE_OK else {
    throw DatabaseError(message: String(cString: sqlite3_errmsg(database)))
  }
}

func text(_ sql: String, on database: OpaquePointer) -> String {
  var statement: OpaquePointer?
  defer { sqlite3_finalize(statement) }
  guard sqlite3_prepare_v2(database, sql, -1, &statement, nil) == SQLITE_OK, sqlite3_step(statement) == SQLITE_ROW,
    let text = sqlite3_column_text(statement, 0)
  else { return "error" }
  return String(cString: text)
}

func write(_ database: OpaquePointer) throws {
  nonisolated(unsafe) let database = database
  try execute("CREATE TABLE IF NOT EXISTS word (text TEXT); BEGIN", on: database)
  atExit(name: "commit") {
    try execute("COMMIT", on: database)
    print("Swift: committed")
  }
  for number in 1...1000 { try execute("INSERT INTO word VALUES ('word \(number)')", on: database) }
}

guard CommandLine.arguments.count == 3, let database = database_open(CommandLine.arguments[1]) else { exit(64) }
switch CommandLine.arguments[2] {
case "check":
  print("integrity", text("PRAGMA integrity_check", on: database))
  print("rows", text("SELECT count(*) FROM word", on: database))
case "throw":
  try write(database)
  atExit(name: "failing") { throw DatabaseError(message: "no reason") }
case "exit":
  try write(database)
  exit(3)
default:
  try write(database)
}
