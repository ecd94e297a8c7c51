// SPDX-License-Identifier: Apache-2.0
// _exit(2) runs no handlers: it is the way out for those who want none.

import CExitShim
import ExitKit

func allDone() { print("all_done()") }

print("Registering")
atExit(allDone)
print("Registered")
print("Exiting...")
fflush(nil)
_exit(0)
