// SPDX-License-Identifier: Apache-2.0

import ExitKit

@AtExit func unload() { print("plugin") }

enum Plugin {
  @AtExit static func unload() async { print("plugin, asynchronous") }
}
