// SPDX-License-Identifier: Apache-2.0
// The attribute in the file whose statements are the program; without a file or a line in between, by hand, too.

import ExitKit

var written = 0

@AtExit func first() { print("first") }
@used @section(".init_array") private let registerByHand: @convention(c) () -> Void = { atExit { print("by hand") } }
@AtExit @MainActor func report() { print("wrote", written) }

print("starting main program")
atExit { print("registered by a call") }
written = 2
print(ExitStack.process.cancel(named: "first"), "cancelled")
