// SPDX-License-Identifier: Apache-2.0

import ExitKit
import Testing

@Suite struct TimeoutStatusTests {
  @Test(arguments: [Int32(124), 0, 77])
  func `a clean-up that runs out of time ends with 124, or as the program says`(status: Int32) async {
    #expect(ExitStack.process.statusOnTimeout == 124)
    await #expect(processExitsWith: .exitCode(status)) { [status = status as Int32] in
      ExitStack.process.statusOnTimeout = status
      ExitStack.process.statusOnTimeout = 300  // refused
      ExitStack.process.deadline = .milliseconds(20)
      atExit { while true {} }
      ExitStack.process.exit(0)
    }
  }
}
