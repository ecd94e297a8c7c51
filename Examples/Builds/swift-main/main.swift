// SPDX-License-Identifier: Apache-2.0
// A Swift program with a C archive in it, which registers with cexit_atexit.

import ExitKit
import Journal

atExit { print("Swift: registered first") }
_ = journal_open()
atExit { print("Swift: registered last") }
