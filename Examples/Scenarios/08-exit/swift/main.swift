// SPDX-License-Identifier: Apache-2.0
// exit(3) runs them all.

import CExitShim
import ExitKit

func allDone() { print("all_done()") }

print("Registering")
atExit(allDone)
print("Registered")
print("Exiting...")
exit(0)
