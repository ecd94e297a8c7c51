// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ExitTrace

@main
struct Exitkit: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exitkit",
    abstract: "Shows how a program exits: what ran in which order, how long, and what hangs.",
    discussion: "A program that uses ExitKit or CExitShim writes a trace when EXITKIT_TRACE=FILE is set.",
    subcommands: [Run.self, Plot.self, Blame.self, Why.self, Diff.self, Examine.self, DumpStacks.self])
}

/// A trace file, and which of its processes.
struct TraceFile: ParsableArguments {
  @Argument(help: "A file that a program wrote with EXITKIT_TRACE=FILE; - is standard input.")
  var trace: String

  @Option(help: "The process of the trace, where forked children wrote to the file of their parent.")
  var pid: Int?

  func read() throws -> Trace { try readTrace(trace, process: pid) }
}

/// The trace of the process; or of the first one in the file.
func readTrace(_ path: String, process: Int?) throws -> Trace {
  let traces: [Trace]
  do {
    traces = try TraceReader.read(contents(of: path))
  } catch let error as TraceError {
    throw Failure("\(printable(path)): \(error)")
  }
  guard let process else { return traces[0] }
  guard let trace = traces.first(where: { $0.process == process }) else {
    throw Failure(
      "\(printable(path)): no process \(process); it has \(traces.map { "\($0.process)" }.joined(separator: ", "))")
  }
  return trace
}

struct Plot: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Draws a trace: one SVG file that explains itself.")

  @OptionGroup var file: TraceFile

  @Option(name: .shortAndLong, help: "Where the picture goes; without, to standard output.")
  var output: String?

  func run() throws {
    let picture = Picture(try file.read()).svg()
    if let output { try write(picture, to: output) } else { try write(picture, to: 1) }
  }
}

struct Blame: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists the handlers, the slowest first, and the longest chain.")

  @OptionGroup var file: TraceFile

  @Option(name: .shortAndLong, help: "How many handlers to list.")
  var number = 20

  func run() throws {
    try write(file.read().blame(width: Terminal.width(1) ?? 120, most: max(number, 1)), to: 1)
  }
}

struct Why: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Says in a sentence why one handler runs before the other.")

  @OptionGroup var file: TraceFile

  @Argument(help: "The name of a handler, or a part of it that no other name has.")
  var one: String

  @Argument(help: "The name of the other one.")
  var other: String

  func run() throws {
    let trace = try file.read()
    do {
      try write(trace.why(one, other) + "\n", to: 1)
    } catch let error as TraceError {
      throw Failure(error.description)
    }
  }
}

struct Diff: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compares two traces.",
    discussion: "Status 1 where handlers, order, outcome or exit status differ; times alone are told, and status is 0.")

  @Argument(help: "The trace of before.") var old: String
  @Argument(help: "The trace of after.") var new: String

  func run() throws {
    let difference = Difference(from: try readTrace(old, process: nil), to: try readTrace(new, process: nil))
    try write(difference.lines.map { $0 + "\n" }.joined(), to: 1)
    if difference.isOther { throw ExitCode(1) }
  }
}
