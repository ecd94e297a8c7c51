// SPDX-License-Identifier: Apache-2.0

import Glibc

private let count = 300_000
private let runs = 7

/// The least of several runs of a program that prints a number: what else a machine does only adds.
private func least(_ command: String) -> Double {
  var least = Double.nan
  for _ in 0..<runs {
    guard let pipe = popen(command, "r") else { continue }
    var line = [CChar](repeating: 0, count: 100)
    if fgets(&line, 100, pipe) != nil { least = .minimum(least, atof(line)) }
    pclose(pipe)
  }
  return least
}

private func own(_ name: String, _ count: Int = count) -> Double {
  least("\(CommandLine.arguments[0]) \(name) \(count)")
}

private func python(_ name: String) -> Double {
  let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
  return least("python3 -I -S -B \(folder)/reference.py \(name) \(count)")
}

/// One line: a value and its limit. Returns whether it is over.
private func row(_ what: String, _ value: Double, _ unit: String, atMost limit: Double? = nil) -> Bool {
  func text(_ value: Double) -> String {
    let rounded = (value * 100).rounded() / 100
    return abs(value) >= 100 ? "\(Int(value.rounded()))" : "\(rounded)"
  }
  let over = limit.map { !(value <= $0) } ?? false
  let verdict = limit.map { "  (at most \(text($0)): \(over ? "OVER" : "ok"))" } ?? ""
  let padding = String(repeating: " ", count: max(1, 62 - what.count))
  print("\(what)\(padding)\(text(value)) \(unit)\(verdict)")
  return over
}

/// Prints all there is. Returns whether something is over its limit.
func report() -> Bool {
  let create = own("create"), again = own("create-again"), die = own("die"), plain = own("die-plain")
  let one = own("one-thread", 2_000_000), two = own("two-threads", 2_000_000)
  let reference = python("create")
  let rows = [
    row("make one, in fresh memory", create, "ns"),
    row("make one, in memory used before", again, "ns", atMost: 150),
    row("make one: CPython's weakref.finalize", reference, "ns"),
    row("make one, in fresh memory: ratio to CPython", create / reference, "", atMost: 0.15),
    row("death of an object, plain", plain, "ns"),
    row("death of an object with a finalizer, above plain", die - plain, "ns", atMost: 100),
    row("the same: ratio to CPython", die / python("die"), ""),
    row(
      "death without one in a watched class, above an unwatched one", own("die-watched") - own("die-unwatched"), "ns",
      atMost: 10),
    row("call one", own("call"), "ns"),
    row("detach one", own("detach"), "ns"),
    row("make an object with one and drop it", own("churn"), "ns"),
    row("two threads that do that: ratio to one, for the same number", two / one, "", atMost: 1),
    row("memory of one, its closure's 48 bytes not counted", own("bytes", 1_000_000), "bytes", atMost: 160),
    row("growth while 10,000,000 are made and dropped", own("growth", 1_000_000) / 1024, "KiB", atMost: 256),
    row("each of 250,000 at exit", own("exit", 250_000), "ns"),
    row("each of 1,000,000 at exit: ratio to that", own("exit", 1_000_000) / own("exit", 250_000), "", atMost: 1.5),
  ]
  return rows.contains(true)
}
