// SPDX-License-Identifier: Apache-2.0

import ExitKit

@AtExit func closeCache() { print("cache closed") }

enum Log {
  @AtExit(name: "log", phase: .late) static func flush() async throws { print("log flushed") }
}
