// SPDX-License-Identifier: Apache-2.0
// swift-log in handlers: a late handler may still log, and what other handlers log is not lost.

import ExitKit
import Glibc
import Logging

struct Lines: LogHandler {
  var metadata = Logger.Metadata()
  var logLevel = Logger.Level.info

  func log(event: LogEvent) { print("\(event.level): \(event.message)") }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }
}

LoggingSystem.bootstrap { _ in Lines() }
let logger = Logger(label: "log")
atExit(phase: .late) { [logger] in logger.notice("late") }
atExit { [logger] in logger.info("normal") }
logger.info("main")
exit(3)
