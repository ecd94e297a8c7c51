// SPDX-License-Identifier: Apache-2.0
// Handlers are cancelled by name, all at once; one alone by its handle.

import ExitKit

func myCleanup(_ name: String) { print("my_cleanup(\(name))") }

atExit(name: "my_cleanup", myCleanup, "first")
atExit(name: "my_cleanup", myCleanup, "second")
atExit(name: "my_cleanup", myCleanup, "third")
ExitStack.process.cancel(named: "my_cleanup")
