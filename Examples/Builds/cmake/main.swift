// SPDX-License-Identifier: Apache-2.0

import ExitKit
import Spool

_ = spool_open()
atExit { print("Swift: ejecting the page") }
