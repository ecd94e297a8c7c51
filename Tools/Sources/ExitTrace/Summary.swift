// SPDX-License-Identifier: Apache-2.0

extension Trace {
  /// Why the process exits: "exit with status 3", "SIGTERM from process 812".
  package var reason: String {
    var text =
      switch signal {
      case let number?: signalName(number)
      case nil: door ?? "exit"
      }
    if let sender, sender > 0 { text += " from process \(sender)" }
    if let status { text += ", status \(status)" }
    return text
  }

  /// What ran, in one line: "30 handlers in 12.3 ms, 1 failed".
  package var summary: String {
    let plain = handlers.filter { !$0.isStack }
    var parts = ["\(count(plain.count, "handler")) in \(duration(last))"]
    let failed = plain.count { if case .failed = $0.outcome { true } else { false } }
    if failed > 0 { parts.append("\(grouped(failed)) failed") }
    let stuck = plain.filter { $0.outcome == .stuck }
    if let first = stuck.first { parts.append("still in \(first.span.name)") }
    if !notRun.isEmpty { parts.append("\(grouped(notRun.count)) not run") }
    return parts.joined(separator: ", ")
  }
}

/// "SIGTERM"; or "signal 40".
package func signalName(_ number: Int) -> String {
  let names = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
  ]
  return names.indices.contains(number - 1) ? "SIG\(names[number - 1])" : "signal \(number)"
}
