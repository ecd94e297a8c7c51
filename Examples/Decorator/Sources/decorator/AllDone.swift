// SPDX-License-Identifier: Apache-2.0

import ExitKit

@AtExit func allDone() { print("all_done()") }
