// SPDX-License-Identifier: Apache-2.0
// An error out of a main without tasks, in plain Swift.

import Glibc

struct DiskFull: Error {}

@main struct Tool {
  static func main() throws {
    atexit { write(STDOUT_FILENO, "handler\n", 8) }
    defer { write(STDOUT_FILENO, "defer\n", 6) }
    throw DiskFull()
  }
}
