// SPDX-License-Identifier: Apache-2.0
// A Swift library for a C program: it registers closures that capture.

import ExitKit

@c(greeter_start)
public func start(number: CInt) {
  let name = "greeter \(number)"
  atExit { print("Swift: closing \(name)") }
}
