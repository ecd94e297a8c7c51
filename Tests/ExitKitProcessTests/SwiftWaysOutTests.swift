// SPDX-License-Identifier: Apache-2.0
//
// Every way out, from every kind of main, with a handler of every kind: all of them run, once, in one order.

import Glibc
import ProcessSupport
import Testing

/// The fixture programs, and what each registers itself.
enum Program: String, CaseIterable, Sendable {
  case TopLevel, SyncMain, AsyncMain, MainByDefault

  var isAsync: Bool { self == .AsyncMain || self == .MainByDefault }

  var own: String {
    switch self {
    case .TopLevel: "global 7"
    case .SyncMain, .AsyncMain: "capture"
    case .MainByDefault: "session open: false"
    }
  }

  func transcript(status: Int32, reason: String = "exit") -> [String] {
    ["early", "nested, async", "nested, first", "main actor async", "main actor arguments", "main actor"]
      + ["async, hops to the main actor", "async context \(reason) \(status)", "async arguments 2", "async"]
      + ["context \(reason) \(status)", "finalizer", "arguments 2", "closure", "C entry", "C function"]
      + (isAsync ? ["actor"] : []) + [own, "late"]
  }
}

private let thrown = ["throws later", "throws"].map {
  "ExitKit: error in exit handler \"\($0)\" (Ways/Kinds.swift): DiskFull()"
}

@Suite struct SwiftWaysOutTests {
  @Test(
    arguments: [
      ("return", Int32(0)), ("exit", 3), ("kit", 3), ("c", 3), ("handler", 5), ("handlerByKit", 5), ("asyncHandler", 5),
      ("mainActorHandler", 5), ("threadServed", 3), ("detachedServed", 3), ("task", 3),
    ], Program.allCases)
  func `every kind of handler runs, newest first, and the last status wins`(
    way: (name: String, status: Int32), program: Program
  ) throws {
    let outcome = try runProgram(program.rawValue, way.name)
    #expect(outcome.ending == .exited(way.status))
    #expect(outcome.lines == program.transcript(status: way.status))
    #expect(outcome.reports == thrown)
  }

  @Test(arguments: Program.allCases) func `an exit on an actor runs every kind of handler`(program: Program) throws {
    let outcome = try runProgram(program.rawValue, "actor")
    #expect(outcome.ending == .exited(3))
    #expect(outcome.lines.filter { $0 != "leaving actor" } == program.transcript(status: 3))
    #expect(outcome.lines.contains("leaving actor") == program.isAsync)
    #expect(outcome.reports == thrown)
  }

  @Test(arguments: [("error", Int32(1)), ("mapped", 64)], Program.allCases)
  func `an error out of the program is reported, and handlers run`(
    way: (name: String, status: Int32), program: Program
  ) throws {
    let outcome = try runProgram(program.rawValue, way.name)
    #expect(outcome.ending == .exited(way.status))
    #expect(outcome.lines == program.transcript(status: way.status))
    #expect(outcome.reports == ["ExitKit: error: DiskFull()"] + thrown)
  }

  @Test(arguments: ["thread", "detached", "threads"], Program.allCases)
  func `with a blocked main thread its actor's handlers run on the exiting thread`(
    way: String, program: Program
  ) throws {
    let outcome = try runProgram(program.rawValue, way)
    let status = try #require(outcome.status)
    #expect(way == "threads" ? (100..<164).contains(status) : status == 3)
    #expect(outcome.lines == program.transcript(status: status))
    let moved = outcome.reports.filter { $0.contains(" ran off the main thread: ") }
    #expect(moved.count == 1)  // of five handlers of the main actor
    #expect(moved.first?.hasSuffix("; leave the main thread free, or set mainActorGracePeriod") == true)
    #expect(outcome.reports.filter { !moved.contains($0) } == thrown)
  }

  @Test(arguments: ["signal", "signalServed"], Program.allCases)
  func `a signal runs every kind of handler, silently where main is asleep`(
    way: String, program: Program
  ) throws {
    let outcome = try runProgram(program.rawValue, way)
    #expect(outcome.ending == .signaled(SIGTERM))
    #expect(outcome.lines == program.transcript(status: 128 + SIGTERM, reason: "SIGTERM"))
    let others = outcome.reports.filter { !thrown.contains($0) }
    // A main thread that is asleep in the kernel is not waited for, and that is no failure. Once an asynchronous main has
    // been suspended, its actor is on another thread, which is waited for.
    if program.isAsync && way == "signal" {
      // After three seconds of the wait a line says so, as the program has asked for signals.
      let waits = #"ExitKit: still waiting for exit handler "main actor"#
      #expect(others.allSatisfy { $0.contains(" ran off the main thread: ") || $0.hasPrefix(waits) })
    } else {
      #expect(others == [])
    }
  }

  /// The grace period is a minute there, as below.
  @Test(arguments: Program.allCases.filter { !$0.isAsync })
  func `a main thread that sleeps is stopped, and the exiting thread runs its handlers`(
    program: Program
  ) throws {
    let outcome = try runProgram(program.rawValue, "threadAsleep")
    #expect(outcome.ending == .exited(3))
    #expect(outcome.lines == program.transcript(status: 3))
    #expect(outcome.reports == thrown)
  }

  /// The program's handler would end the process with 98. Without that handler no report says "off the main thread".
  @Test(arguments: Program.allCases.filter { !$0.isAsync })
  func `a main thread that sleeps is left alone if the program handles SIGURG itself`(
    program: Program
  ) throws {
    let outcome = try runProgram(program.rawValue, "threadUrgent")
    #expect(outcome.ending == .exited(3))
    #expect(outcome.lines == program.transcript(status: 3))
    let others = outcome.reports.filter { !thrown.contains($0) }
    #expect(others.count == 1 && others.allSatisfy { $0.contains(" ran off the main thread: ") })
  }

  /// The grace period is a minute there: a handler that waited for main would be seen in the report.
  @Test(arguments: [("signalReturn", Ending.signaled(SIGTERM)), ("threadReturn", .exited(3))], Program.allCases)
  func `when main returns in another thread's exit, its actor's handlers run at once`(
    way: (name: String, ending: Ending), program: Program
  ) throws {
    let outcome = try runProgram(program.rawValue, way.name)
    let isSignal = way.name == "signalReturn"
    #expect(outcome.ending == way.ending)
    #expect(
      outcome.lines
        == program.transcript(status: isSignal ? 128 + SIGTERM : 3, reason: isSignal ? "SIGTERM" : "exit"))
    #expect(outcome.reports == thrown)
  }

  @Test(arguments: [Program.TopLevel, .SyncMain])
  func `the end of the last thread runs every kind of handler`(program: Program) throws {
    let outcome = try runProgram(program.rawValue, "lastThread")
    #expect(outcome.ending == .exited(0))
    #expect(outcome.lines == program.transcript(status: 0))
    #expect(outcome.reports == thrown)
  }

  @Test(arguments: Program.allCases) func `of many tasks that exit at once one gives the status`(program: Program)
    throws
  {
    let outcome = try runProgram(program.rawValue, "tasks")
    let status = try #require(outcome.status)
    #expect((100..<164).contains(status))
    #expect(outcome.lines == program.transcript(status: status))
    #expect(outcome.reports == thrown)
  }

  /// One thread is all that the pool has on one processor, and it is held as well.
  @Test(
    .enabled(if: isInstalled("taskset"), "taskset is not installed"),
    arguments: [("return", Int32(0)), ("exit", 3), ("handler", 5), ("asyncHandler", 5), ("error", 1)], [false, true])
  func `asynchronous handlers need no thread of the pool`(
    way: (name: String, status: Int32), onOneProcessor: Bool
  ) throws {
    let processors = onOneProcessor ? "1" : try run("nproc").lines[0]
    let program = ["\(builtPrograms)/AsyncMain", way.name, processors]
    let words = onOneProcessor ? ["taskset", "-c", try firstProcessor()] + program : program
    let outcome = try run(words[0], Array(words.dropFirst()), environment: quiet)
    #expect(outcome.ending == .exited(way.status))
    #expect(outcome.lines == Program.AsyncMain.transcript(status: way.status))
  }

  @Test(
    .enabled(if: isInstalled("taskset"), "taskset is not installed"),
    arguments: ["exit", "thread", "task", "detachedServed", "tasks"])
  func `one processor is enough for every way out`(way: String) throws {
    let outcome = try run(
      "taskset", ["-c", try firstProcessor(), "\(builtPrograms)/AsyncMain", way], environment: quiet)
    let status = try #require(outcome.status)
    #expect(way == "tasks" ? (100..<164).contains(status) : status == 3)
    #expect(outcome.lines == Program.AsyncMain.transcript(status: status))
  }

  /// The first that this process may use: 0 need not be.
  private func firstProcessor() throws -> String {
    let list = try run("sh", ["-c", "taskset -cp $$"]).output.split(separator: " ").last ?? "0"
    return String(list.prefix { $0.isNumber })
  }
}
