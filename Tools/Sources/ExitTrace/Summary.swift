// SPDX-License-Identifier: Apache-2.0

extension Trace {
  /// Why the process exits: "exit, status 3", "SIGTERM from process 812".
  ///
  /// The core calls each door `cexit_exit`, which a user of Swift did not call.
  package var reason: String {
    var text =
      switch signal {
      case let number?: signalName(number)
      case nil: door == "cexit_exit" ? "a door (such as cexit_exit or exitAfter)" : door ?? "exit"
      }
    if let sender, sender > 0 { text += " from process \(sender)" }
    if let status { text += ", status \(status)" }
    return text
  }

  /// What ran, in one line: "30 handlers in 12.3 ms, 1 failed".
  package var summary: String {
    let plain = handlers.filter { !$0.isStack }
    let running = plain.last { $0.span.end == nil }
    let isUnknown = running.map { isEndUnknown($0.span) } ?? false
    var parts = ["\(count(plain.count, "handler"))\(isUnknown ? "" : " in \(duration(last))")"]
    let failed = plain.count { if case .failed = $0.outcome { true } else { false } }
    if failed > 0 { parts.append("\(grouped(failed)) failed") }
    if let running {
      let end = " when the trace ends (killed, or not yet ended: the end is not recorded)"
      parts.append("still in \(running.span.name)\(isUnknown ? end : "")")
      if let killer { parts.append("killed by \(signalName(killer))") }
    }
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
