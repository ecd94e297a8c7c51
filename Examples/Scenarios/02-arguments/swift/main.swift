// SPDX-License-Identifier: Apache-2.0
// Handlers with arguments, which are evaluated when they are registered. The newest runs first.

import ExitKit

func myCleanup(_ name: String) { print("my_cleanup(\(name))") }

atExit(myCleanup, "first")
atExit(myCleanup, "second")
atExit(myCleanup, "third")
