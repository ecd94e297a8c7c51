// SPDX-License-Identifier: Apache-2.0
// Registration without a call and without a macro, in a file that nobody refers to.

import ExitKit

func allDone() { print("all_done()") }
@used @section(".init_array") let registerAllDone: @convention(c) () -> Void = { atExit(allDone) }

enum Log {
  static func flush() { print("flush") }
  @used @section(".init_array") static let registerFlush: @convention(c) () -> Void = { atExit(phase: .late, flush) }
}
