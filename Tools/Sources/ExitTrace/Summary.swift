// SPDX-License-Identifier: Apache-2.0

import Glibc

extension Trace {
  /// Why the process exits: "exit, status 3", "SIGTERM from process 812".
  ///
  /// The core calls each door `cexit_exit`, which a user of Swift did not call.
  package var reason: String {
    var text =
      switch signal {
      case let number?: signalName(number)
      case nil:
        caller.map(byCaller) ?? (door == "cexit_exit" ? "a door (such as cexit_exit or exitAfter)" : door ?? "exit")
      }
    if let sender, sender > 0 { text += " from process \(sender)" }
    if let status { text += ", status \(status)" }
    return text
  }

  // The core names `main` itself where it returned, and else the place behind a call.
  private func byCaller(_ caller: String) -> String {
    caller.hasSuffix("!main") ? "return from main" : "exit called by \(functionName(caller))"
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

/// "server!leave+0x2c" as "leave (server)", and a symbol of Swift as its declaration.
package func functionName(_ text: String) -> String {
  guard let mark = text.lastIndex(of: "!") else { return text }
  let symbol = text[text.index(after: mark)...].prefix { $0 != "+" }
  return "\(demangled(String(symbol)) ?? String(symbol)) (\(text[..<mark]))"
}

// A function of the Swift runtime, which has no header.
@_silgen_name("swift_demangle")
private func swiftDemangle(
  _ name: UnsafePointer<CChar>, _ length: UInt, _ buffer: UnsafeMutablePointer<CChar>?,
  _ size: UnsafeMutablePointer<UInt>?, _ flags: UInt32
) -> UnsafeMutablePointer<CChar>?

private func demangled(_ symbol: String) -> String? {
  guard symbol.hasPrefix("$s"), let text = swiftDemangle(symbol, UInt(symbol.utf8.count), nil, nil, 0) else {
    return nil
  }
  defer { free(text) }
  return String(cString: text)
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
