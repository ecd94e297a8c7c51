// SPDX-License-Identifier: Apache-2.0

import ExitKit

/// Opens the cache of that name; it is written at exit. Returns a file descriptor, of sorts.
@c(cache_open)
public func open(name: UnsafePointer<CChar>) -> CInt {
  let name = String(cString: name)
  atExit(name: "cache") { print("Swift: writing the cache \(name)") }
  return 3
}
