// SPDX-License-Identifier: Apache-2.0
//
// What finalizers cost. `finalizers CASE [COUNT]` prints one number; `finalizers` alone runs every case several times,
// each in a fresh process, and prints the medians beside their limits and beside CPython's weakref.finalize.

import Glibc

let cases: [String: (Int) -> Double] = [
  "create": create, "die": die, "die-plain": diePlain, "die-unwatched": { dieWithout($0, others: 0, watched: false) },
  "die-watched": { dieWithout($0, others: 1, watched: true) },
  "die-watched-crowd": { dieWithout($0, others: 100_000, watched: true) },
  "die-unwatched-crowd": { dieWithout($0, others: 100_000, watched: false) },
  "call": call, "detach": detach, "churn": churn, "two-threads": { twoThreads($0, 2) },
  "one-thread": { twoThreads($0, 1) }, "bytes": bytes, "flat": flat, "drain": drain,
]

let arguments = CommandLine.arguments
if arguments.count > 1 {
  guard let measure = cases[arguments[1]] else {
    print("cases: \(cases.keys.sorted().joined(separator: " "))")
    exit(2)
  }
  print(measure(arguments.count > 2 ? Int(arguments[2])! : 1_000_000))
  exit(0)
} else {
  exit(report())
}
