// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ExitTrace
import Glibc

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs a program, shows its exit as it happens, and ends as the program did.",
    discussion: """
      The timeline goes to standard error. Signals go on to the program, and a signal that ends the program ends exitkit, \
      too. Status 127: the program cannot be started.
      """)

  @Option(help: "Draw the exit into this SVG file as well.")
  var plot: String?

  @Option(help: "Keep the trace in this file, with the end of a killed program.")
  var trace: String?

  @Argument(parsing: .captureForPassthrough, help: "The program and its arguments, after --.")
  var command: [String] = []

  // The words of the program are taken as they are, and so are options of exitkit that stand among them.
  func validate() throws {
    if let first = command.first, first != "--", first.hasPrefix("-") {
      if first == "-h" || first == "--help" { throw CleanExit.helpRequest(self) }
      throw ValidationError("Unknown option \(printable(first)). The program goes after --: exitkit run -- PROGRAM")
    }
    // EXITKIT_TRACE has the number of the process in the place of %p.
    if trace?.contains("%p") == true { throw ValidationError("The name of the trace may not have %p.") }
    if words.isEmpty { throw ValidationError("Which program? exitkit run -- PROGRAM ARGUMENTS") }
  }

  private var words: [String] { command.first == "--" ? Array(command.dropFirst()) : command }

  func run() throws {
    let trace = try RunningTrace(kept: trace)
    var timeline = Timeline(), child: Child
    do {
      child = try Child(words, environment: ["EXITKIT_TRACE": trace.path])
    } catch {
      trace.remove()
      try write("exitkit: \(error)\n", to: 2)
      throw ExitCode(127)
    }
    while !child.hasEnded() {
      try timeline.show(next(trace.file))
      timeline.showLongRunning(microseconds())
      child.passSignals(patience: 0.03)
    }
    while case let part = try next(trace.file), !part.isEmpty { timeline.show(part) }
    let signal = child.signal == 0 ? nil : Int(child.signal)
    if let line = timeline.reader.ending(
      of: Int(child.process), at: child.end, signal: signal, status: Int(child.exitStatus))
    {
      try write(line, to: trace.file)
      timeline.show(Array(line.utf8))
    }
    timeline.finish()
    trace.remove()
    if let plot {
      if let shown = timeline.reader.traces.first(where: { $0.begin != nil }) {
        try write(Picture(shown).svg(), to: plot)
      } else {
        try write("exitkit: no picture: the program wrote no trace\n", to: 2)
      }
    }
    child.endLikewise()
  }
}

/// The file to which the program writes its trace: a file of the user's, or a temporary file.
private struct RunningTrace {
  let path: String
  let file: Int32
  private let isKept: Bool

  init(kept name: String?) throws {
    isKept = name != nil
    if let name {
      file = open(name, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o666)
      guard file >= 0 else { throw Failure("cannot write \(printable(name))", errno) }
      // The program may change its folder before the exit.
      guard let whole = realpath(name, nil) else { throw Failure("cannot find \(printable(name))", errno) }
      defer { free(whole) }
      path = String(cString: whole)
    } else {
      var name = Array("\(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")/exitkit-XXXXXX".utf8CString)
      file = mkstemp(&name)
      guard file >= 0 else { throw Failure("cannot make a temporary file", errno) }
      _ = fcntl(file, F_SETFD, FD_CLOEXEC)
      _ = fcntl(file, F_SETFL, O_APPEND)
      path = name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }
  }

  func remove() {
    if !isKept { unlink(path) }
    close(file)
  }
}
