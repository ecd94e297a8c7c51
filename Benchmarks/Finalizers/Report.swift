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

private func text(_ value: Double, _ unit: String) -> String {
  let tenths = Int((value * 10).rounded())
  return "\(tenths / 10).\(abs(tenths % 10)) \(unit)"
}

private func ratio(_ value: Double) -> String {
  let hundredths = Int((value * 100).rounded())
  return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
}

extension String {
  fileprivate func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
  fileprivate func aligned(_ width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}

/// One line, in the form of the table of `bench`. The limit is for the ratio to the reference, or else for the value itself.
/// Returns whether the row is over its limit.
private func row(
  _ what: String, _ value: Double, _ unit: String, to reference: Double? = nil, atMost limit: Double? = nil
) -> Bool {
  let compared = reference.map { value / $0 }
  let isOver = limit.map { !(compared ?? value <= $0) } ?? false
  let columns = [
    ("finalizer: " + what).padded(56), text(value, unit).aligned(12),
    (reference.map { text($0, unit) } ?? "").aligned(12),
    (compared.map(ratio) ?? "").aligned(8), (limit.map { $0 < 10 ? ratio($0) : "\(Int($0))" } ?? "").aligned(8),
  ]
  print(columns.joined(separator: " ") + "  " + (limit == nil ? "-" : isOver ? "OVER" : "ok"))
  return isOver
}

/// Prints all there is. Returns whether something is over its limit.
func report() -> Bool {
  let create = own("create"), die = own("die"), plain = own("die-plain")
  let churn = own("churn")
  let quarter = own("exit", 250_000), two = own("two-threads", 2_000_000), one = own("one-thread", 2_000_000)
  let rows = [
    row("make, in fresh memory; CPython", create, "ns", to: python("create"), atMost: 0.15),
    row("make, in memory used before", own("create-again"), "ns", atMost: 150),
    row("death of its object; CPython", die, "ns", to: python("die"), atMost: 0.25),
    row("death of its object, above a plain death", die - plain, "ns", atMost: 100),
    row(
      "death without one, above an unwatched class", own("die-watched") - own("die-unwatched"), "ns", atMost: 10),
    row("call", own("call"), "ns"),
    row("detach", own("detach"), "ns"),
    row("make an object with one, drop the object; CPython", churn, "ns", to: python("churn"), atMost: 0.1),
    row("the same; malloc and free of as many bytes", churn, "ns", to: own("same-bytes"), atMost: 2.5),
    row("the unowned reference in the same", own("unowned"), "ns"),
    row("the same on two threads; one thread", two, "ns", to: one, atMost: 0.6),
    row("memory, without the closure's 48 bytes", own("bytes", 1_000_000), "B", atMost: 160),
    row("growth while 10,000,000 come and go", own("growth", 1_000_000) / 1024, "KiB", atMost: 256),
    row("run at exit, each of 1,000,000; of 250,000", own("exit", 1_000_000), "ns", to: quarter, atMost: 1.5),
  ]
  return rows.contains(true)
}
