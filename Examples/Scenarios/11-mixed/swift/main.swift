// SPDX-License-Identifier: Apache-2.0
// C and Swift share one order: the newest runs first, whoever registered it.

import ExitKit
import MixedC

register_c1()
atExit { print("s1") }
register_c2()
atExit { print("s2") }
register_c3()
