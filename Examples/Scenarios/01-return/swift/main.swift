// SPDX-License-Identifier: Apache-2.0
// A handler runs when the program returns from its top level.

import ExitKit

func allDone() { print("all_done()") }

print("Registering")
atExit(allDone)
print("Registered")
