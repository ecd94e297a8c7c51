// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ToolSupport

/// How a program ended, and what it wrote.
struct Outcome: Equatable {
  var status: Int32
  var isSignal: Bool
  var output: String
  var errors: String
}

/// Runs the `exitkit` that was built with the tests.
func exitkit(_ arguments: [String], whileRunning act: ((Process) throws -> Void)? = nil) throws -> Outcome {
  let process = Process(), output = Pipe(), errors = Pipe()
  process.executableURL = Bundle.main.executableURL?.deletingLastPathComponent().appending(path: "exitkit")
  process.arguments = arguments
  process.standardOutput = output
  process.standardError = errors
  try process.run()
  try act?(process)
  let texts = try [output, errors].map { try $0.fileHandleForReading.readToEnd() ?? Data() }
    .map { String(decoding: $0, as: UTF8.self) }
  process.waitUntilExit()
  return Outcome(
    status: process.terminationStatus, isSignal: process.terminationReason == .uncaughtSignal, output: texts[0],
    errors: texts[1])
}

let trace = """
  [
  {"name":"process_name","ph":"M","pid":7,"tid":7,"args":{"name":"server"}},
  {"name":"exit","cat":"exit","ph":"i","s":"p","ts":100.0,"pid":7,"tid":7,"args":{"door":"exit","status":0}},
  {"name":"close","cat":"handler","ph":"B","ts":200.0,"pid":7,"tid":7,"args":{"phase":"normal","stack":"process"}},
  {"name":"close","cat":"handler","ph":"E","ts":1200.0,"pid":7,"tid":7,"args":{"outcome":"ok"}},

  """

@Suite struct RunTests {
  @Test func `exits with the status of the program, whose output is its own`() throws {
    let outcome = try exitkit(["run", "--", "sh", "-c", "echo out; echo err >&2; exit 7"])
    #expect(outcome == Outcome(status: 7, isSignal: false, output: "out\n", errors: "err\n"))
  }

  @Test(arguments: [SIGTERM, SIGKILL, SIGINT]) func `ends by the signal of the program`(signal: Int32) throws {
    let outcome = try exitkit(["run", "--", "sh", "-c", "kill -\(signal) $$; sleep 60"])
    #expect(outcome.isSignal)
    #expect(outcome.status == signal)
  }

  @Test func `passes a signal on to the program, and waits for its answer`() throws {
    let script = "trap 'echo heard; exit 5' TERM; echo ready >&2; while :; do sleep 0.05; done"
    try inFolder { folder in
      let ready = "\(folder)/ready"
      let outcome = try exitkit(["run", "--", "sh", "-c", "\(script.replacing(">&2", with: ">\(ready)"))"]) { process in
        while !FileManager.default.fileExists(atPath: ready) { usleep(1000) }
        process.terminate()
      }
      #expect(outcome == Outcome(status: 5, isSignal: false, output: "heard\n", errors: ""))
    }
  }

  @Test func `shows the handlers of the trace, and draws them`() throws {
    try inFolder { folder in
      try trace.write(toFile: "\(folder)/trace", atomically: false, encoding: .utf8)
      let outcome = try exitkit(
        ["run", "--plot", "\(folder)/a.svg", "--", "sh", "-c", "cat \(folder)/trace >>$EXITKIT_TRACE"])
      #expect(outcome.status == 0)
      #expect(
        outcome.errors == """
          exitkit: server (7) exits: exit, status 0
               1 ms  close
          exitkit: server: 1 handler in 1.1 ms

          """)
      #expect(try String(contentsOfFile: "\(folder)/a.svg", encoding: .utf8).hasPrefix("<svg "))
    }
  }

  @Test(arguments: ["run", "plot", "blame", "why", "diff", "doctor", "dump"])
  func `each subcommand explains its use`(subcommand: String) throws {
    for words in [[subcommand, "--help"], [subcommand, "-h"], ["help", subcommand]] {
      let outcome = try exitkit(words)
      #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome)")
      #expect(outcome.output.contains("USAGE: exitkit \(subcommand)"), "\(outcome)")
    }
  }

  @Test func `the words of the program are no options of exitkit`() throws {
    #expect(try exitkit(["run", "--", "echo", "--help", "-h"]).output == "--help -h\n")
    #expect(try exitkit(["run", "sh", "-c", "echo $0", "--help"]).output == "--help\n")
    #expect(try exitkit(["run", "--", "--help"]).status == 127)
    let unknown = try exitkit(["run", "--picture", "a.svg", "--", "true"])
    #expect(unknown.status == 64)
    #expect(unknown.errors.hasPrefix("Error: Unknown option --picture."), "\(unknown)")
  }

  @Test func `a program that cannot be started is status 127`() throws {
    let outcome = try exitkit(["run", "--", "/nowhere"])
    #expect(outcome.status == 127)
    #expect(outcome.errors == "exitkit: cannot run /nowhere: No such file or directory\n")
  }
}

@Suite struct FileTests {
  @Test func `a picture goes to a file, and blame to standard output`() throws {
    try inFolder { folder in
      let path = "\(folder)/trace"
      try trace.write(toFile: path, atomically: false, encoding: .utf8)
      #expect(try exitkit(["plot", path, "-o", "\(folder)/a.svg"]).status == 0)
      #expect(try String(contentsOfFile: "\(folder)/a.svg", encoding: .utf8).hasSuffix("</svg>\n"))
      #expect(try exitkit(["blame", path]).output.contains(" close\n"))
      #expect(try exitkit(["diff", path, path]) == Outcome(status: 0, isSignal: false, output: "", errors: ""))
    }
  }

  @Test func `a missing file and a process that the trace does not have are errors`() throws {
    let missing = try exitkit(["blame", "/nowhere"])
    #expect(missing.status == 1)
    #expect(missing.errors == "Error: cannot read /nowhere: No such file or directory\n")
    try inFolder { folder in
      try trace.write(toFile: "\(folder)/trace", atomically: false, encoding: .utf8)
      #expect(try exitkit(["blame", "--pid", "9", "\(folder)/trace"]).errors.contains("no process 9; it has 7"))
    }
  }
}
