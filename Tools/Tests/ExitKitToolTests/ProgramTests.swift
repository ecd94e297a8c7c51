// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ToolSupport

/// Every subcommand on a program of C alone: exitkit reads the very text that the C core writes.
@Suite(.enabled(if: find("cc") != nil)) struct ProgramTests {
  private func inProgram(_ body: (_ folder: String, _ program: String) throws -> Void) throws {
    try inFolder { folder in
      try body(folder, compile(file: toolFile("Tests/Fixtures/leaves.c"), into: "\(folder)/leaves"))
    }
  }

  /// The lines of the timeline, without times and numbers of processes.
  private func timeline(_ outcome: Outcome) -> [String] {
    outcome.errors.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("ExitKit: ") }.map {
      $0.replacing(/^ *[0-9.]+ (ns|µs|ms|s)/, with: "T").replacing(/[0-9.]+ (ns|µs|ms|s)\b/, with: "T")
        .replacing(/\(\d+\)/, with: "(N)").replacing(/process \d+/, with: "process N")
    }
  }

  /// A trace file of the way, written without exitkit.
  private func trace(_ program: String, _ way: String) throws -> String {
    let process = Process(), path = "\(program)-\(way).json"
    process.executableURL = URL(filePath: program)
    process.arguments = [way]
    process.environment = ["EXITKIT_TRACE": path]
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return path
  }

  private static let handlers = [
    "T  stop listening", "T  close the database: failed: disk full", "T    session 2", "T    session 1", "T  sessions",
    "T  flush the log",
  ]

  @Test func `run shows each handler, the failure, and the cancelled handler`() throws {
    try inProgram { folder, program in
      let outcome = try exitkit(["run", "--plot", "\(folder)/a.svg", "--", program])
      #expect(outcome.status == 3 && !outcome.isSignal)
      #expect(
        timeline(outcome) == ["exitkit: leaves (N) exits: exit, status 3"] + Self.handlers + [
          "           cache: not run, cancelled", "exitkit: leaves: 5 handlers in T, 1 failed, 1 not run",
        ])
      let picture = try String(contentsOfFile: "\(folder)/a.svg", encoding: .utf8)
      for part in ["bar early", "bar normal", "bar late", "bar bad", "bracket", "hollow"] {
        #expect(picture.contains("class=\"\(part)\""), "\(part)")
      }
      #expect(picture.contains("failed: disk full"))
      #expect(picture.contains("<title>session 2\nnormal phase, stack sessions, number 2\nserver.c:7\n"))
    }
  }

  @Test func `run tells the signal and its sender, and ends by the signal`() throws {
    try inProgram { _, program in
      let outcome = try exitkit(["run", "--", program, "signal"])
      #expect(outcome.status == SIGTERM && outcome.isSignal)
      #expect(timeline(outcome).first == "exitkit: leaves (N) exits: SIGTERM from process N, status 143")
      #expect(Array(timeline(outcome)[1...6]) == Self.handlers)
    }
  }

  @Test func `the handler that hangs until the deadline is red, and the deadline is a line`() throws {
    try inProgram { folder, program in
      let outcome = try exitkit(["run", "--plot", "\(folder)/a.svg", "--", program, "stuck"])
      #expect(outcome.status == 3)
      let lines = timeline(outcome)
      #expect(lines.contains("T    session 4: still running"))
      #expect(lines.contains("           flush the log: not run, deadline"))
      let picture = try String(contentsOfFile: "\(folder)/a.svg", encoding: .utf8)
      for part in ["bar stuck", "bracket red-line", "deadline"] { #expect(picture.contains("class=\"\(part)\"")) }
      #expect(picture.contains("the deadline of") || picture.contains(", deadline "))
    }
  }

  /// The milliseconds in front of the name.
  private func milliseconds(_ name: String, in lines: String) throws -> Double {
    let match = try #require(lines.firstMatch(of: /(?m)^ *([0-9.]+) (ms|s)\b.*session 4/), "\(lines)")
    return try #require(Double(match.1)) * (match.2 == "s" ? 1000 : 1)
  }

  @Test(arguments: [
    ("killed", SIGKILL, "still running, killed by SIGKILL"), ("ended", 9, "still running when the process ended"),
  ]) func `a hang of 0.6 s lasts 0.6 s, also in the kept trace`(way: String, status: Int32, text: String) throws {
    try inProgram { folder, program in
      let path = "\(folder)/kept.json", picture = "\(folder)/a.svg"
      let outcome = try exitkit(["run", "--trace", path, "--plot", picture, "--", program, way])
      #expect(outcome.status == status && outcome.isSignal == (way == "killed"))
      #expect(timeline(outcome).contains("T    session 4: \(text)"), "\(outcome.errors)")
      let blame = try exitkit(["blame", path]).output
      #expect(blame.contains(text), "\(blame)")
      for lines in [outcome.errors, blame] {
        #expect(try milliseconds("session 4", in: lines) >= 600, "\(lines)")
        #expect(!lines.contains(" 0 ns"), "\(lines)")
      }
      let drawn = try String(contentsOfFile: picture, encoding: .utf8)
      #expect(drawn.contains(/[0-9.]+ m?s, still running/))
      #expect(!drawn.contains(/"middle">[0-9.]+ µs/), "the marks of the axis")
      #expect(try exitkit(["plot", path]).output == drawn)
    }
  }

  @Test func `a trace whose end is missing has no time for the handler that hung`() throws {
    try inProgram { _, program in
      let path = try trace(program, "killed"), blame = try exitkit(["blame", path]).output
      #expect(
        blame.hasPrefix(
          """
          leaves: exit, status 3; 3 handlers, 1 failed, still in session 4 when the trace ends (killed, or not yet ended: \
          the end is not recorded)

                 ?                   session 4                  still running when the trace ends
                 ?                   sessions                   still running when the trace ends

          """), "\(blame)")
      #expect(!blame.contains(" %  "), "a share of an unknown whole")
      #expect(blame.hasSuffix("Longest chain: sessions ? → session 4 ?\n"), "\(blame)")
      let picture = try exitkit(["plot", path]).output
      #expect(picture.contains(">still running when the trace ends</text>"))
      #expect(!picture.contains("0 ns, still"))
      #expect(try exitkit(["diff", path, path]).status == 0)
    }
  }

  @Test func `a handler that exits again is told, and the exit goes on`() throws {
    try inProgram { _, program in
      let outcome = try exitkit(["run", "--", program, "again"])
      #expect(outcome.status == 7)
      let lines = timeline(outcome)
      #expect(Array(lines[1...3]) == ["T  stop listening", "T  exit again: ended its thread", Self.handlers[1]])
      #expect(lines.last == "exitkit: leaves: 6 handlers in T, 1 failed, 1 not run")
    }
  }

  @Test func `a thread that waits for the exit is a hatched row`() throws {
    try inProgram { _, program in
      let picture = try exitkit(["plot", trace(program, "waits")]).output
      #expect(picture.contains(">waits for another thread<"))
      #expect(picture.contains("<rect class=\"wait\""))
    }
  }

  @Test func `plot, blame, why and diff read the trace of the program`() throws {
    try inProgram { _, program in
      let path = try trace(program, "plain"), changed = try trace(program, "changed")
      #expect(try exitkit(["plot", path]).output.contains("<title>leaves: exit, status 3."))
      let blame = try exitkit(["blame", path]).output
      #expect(blame.hasPrefix("leaves: exit, status 3; 5 handlers in "))
      for line in [
        /stop listening +early +server.c:7/, /close the database +failed: disk full +server.c:7/,
        /session 1 +server.c:7/,
        /flush the log +late +server.c:7/,
      ] { #expect(blame.contains(line), "\(blame)") }
      #expect(
        try exitkit(["why", path, "stop", "flush"]).output
          == "stop listening runs before flush the log: stop listening has the phase early, and flush the log the later phase late.\n"
      )
      let why = try exitkit(["why", path, "session 1", "session 2"]).output
      #expect(
        why.replacing(/registered [0-9.]+ [nµm]?s after/, with: "registered T after") == """
          session 2 runs before session 1: of one phase the handler that was registered last runs first, and session 2, \
          number 2, was registered T after session 1, number 1.

          """)
      #expect(try exitkit(["why", path, "cache", "stop"]).output.hasPrefix("cache did not run: "))
      #expect(try exitkit(["diff", path, path]) == Outcome(status: 0, isSignal: false, output: "", errors: ""))
      let difference = try exitkit(["diff", path, changed])
      #expect(difference.status == 1)
      let lines = difference.output.split(separator: "\n").filter { $0.hasPrefix("+") || $0.hasPrefix("-") }
      #expect(lines.map { $0.prefix { $0 != "(" } } == ["- sessions / session 2 ", "+ sessions / session 3 "])
    }
  }
}
