// SPDX-License-Identifier: Apache-2.0
//
// The cost of finalizers. `finalizers CASE [COUNT]` prints one number. `finalizers` alone runs the cases several times,
// each in a fresh process, and prints the least beside their limits and CPython's weakref.finalize; with `--check` its
// status is 1 if one is over its limit.

import Glibc

let arguments = CommandLine.arguments
if arguments.count == 1 || arguments[1] == "--check" {
  let isOver = report()
  exit(isOver && arguments.count > 1 ? 1 : 0)
} else if let measure = cases[arguments[1]] {
  print(measure(arguments.count > 2 ? Int(arguments[2]) ?? 0 : 1_000_000))
} else {
  print("cases: \(cases.keys.sorted().joined(separator: " "))")
  exit(2)
}
