// SPDX-License-Identifier: Apache-2.0
// Programs that carry the Swift runtime, and the second one libc, too.

import CExitShim
import ExitKit

atExit { print("Swift: last") }
cexit_atexit { print("C: in between") }
atExit { print("Swift: first") }
ExitStack.process.exit(4)
