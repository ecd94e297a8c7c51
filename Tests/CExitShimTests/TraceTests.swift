// SPDX-License-Identifier: Apache-2.0

import Foundation
import ProcessSupport
import Testing

/// EXITKIT_TRACE, EXITKIT_SLOW and EXITKIT_DUMP in the environment show an exit.
@Suite(.disabled(if: isSanitized, "sanitizers put handlers of their own into libc's list, and take time"))
struct TraceTests {
  /// Runs a case, and returns the text on stderr, without the numbers that change from run to run.
  func errors(_ environment: [String: String], _ arguments: String...) throws -> String {
    let outcome = try run(compile("trace.c"), arguments, environment: environment)
    return outcome.errors.replacing(/[ ]+[0-9]+\.[0-9]{2} +[0-9]+\.[0-9]{2}  =* *[0-9]+ +/, with: " T ")
      .replacing(/[0-9]+\.[0-9]{3} s\b/, with: "T s").replacing(/process [0-9]+/, with: "process N")
  }

  static let head = "ExitKit:  at ms   took ms             thread    phase   handler\n"

  @Test func `a table shows the handlers in order of running, their ends, and the rest`() throws {
    #expect(
      try errors(["EXITKIT_TRACE": "1"], "ways")
        == """
        \(Self.head) T early   listener (App/main.c:12)
         T normal  trace!plain
         T normal  stack outer
         T normal    stack
         T normal      schön  [31m? (App/main.c:12) FAILED: "disk" is full\u{20}
         T normal    oldest (App/main.c:12)
         T normal  again (App/main.c:12) left by its thread
         T late    log (App/main.c:12)
          not run: cancelled                       normal  object (App/main.c:12)
        ExitKit: handlers that ran: 6, that failed: 1

        """)
  }

  @Test func `a table shows the handler stuck at the deadline, and the pending handlers`() throws {
    #expect(
      try errors(["EXITKIT_TRACE": "1"], "stuck").replacing(/ExitKit: exit handler[^\n]*\n/, with: "")
        == """
        \(Self.head) T normal  stuck (App/main.c:12) STUCK
          not run: deadline                        late    left (App/main.c:12)
        ExitKit: handlers that ran: 0, that failed: 0

        """)
  }

  @Test func `a child's table leaves out its parent's run, and counts the parent's entries`() throws {
    #expect(
      try errors(["EXITKIT_TRACE": "1"], "forks")
        == """
        \(Self.head) T normal  child's (App/main.c:12)
          not run: parent's                        normal  parent's (App/main.c:12)
        ExitKit: handlers that ran: 1, that failed: 0
        \(Self.head) T normal  by hand (App/main.c:12)
         T normal  parent's (App/main.c:12)
        ExitKit: handlers that ran: 2, that failed: 0

        """)
  }

  @Test func `a long run has a table in parts; a stack's row is where the stack ends`() throws {
    let lines = try errors(["EXITKIT_TRACE": "1"], "many nested").split(separator: "\n").map(String.init)
    #expect(lines.filter { Self.head.hasPrefix($0) }.count == 2)
    #expect(lines.filter { $0.hasSuffix("  handler (App/main.c:12)") }.count == 300)
    #expect(lines.filter { $0.contains("stack outer") } == [" T normal  stack outer"])
    #expect(lines.last == "ExitKit: handlers that ran: 300, that failed: 0")
  }

  @Test func `a refused registration is shown`() throws {
    let errors = try errors(["EXITKIT_TRACE": "1"], "refused")
    #expect(errors.contains("  not run: refused                         normal  too late\n"))
  }

  @Test func `only slow handlers have a line, and a wrong setting has a line`() throws {
    #expect(
      try errors(["EXITKIT_SLOW": "20ms"], "slow")
        == "ExitKit: slow: exit handler \"slow\" (App/main.c:12) took T s\n")
    #expect(try errors(["EXITKIT_SLOW": "20s"], "slow") == "")
    #expect(try errors(["EXITKIT_SLOW": "soon"], "slow") == "ExitKit: EXITKIT_SLOW=soon is not understood\n")
  }

  @Test(arguments: ["USR1", "SIGUSR1", "10"])
  func `the dump comes on the signal that was chosen`(signal: String) throws {
    #expect(
      try errors(["EXITKIT_DUMP": signal], "dump")
        == "ExitKit: process N is not exiting\npending, the next one first:\n  1 pending (App/main.c:12)\n")
  }

  // MARK: The file

  /// The events of a trace, read as the trace-event format has it: the last bracket may be missing.
  func events(_ text: String) throws -> [[String: Any]] {
    var text = text
    #expect(text.hasPrefix("[\n"))
    for line in text.split(separator: "\n").dropFirst() { #expect(line.hasPrefix("{") && line.hasSuffix("},")) }
    while text.last == "\n" || text.last == "," { text.removeLast() }
    return try #require(try JSONSerialization.jsonObject(with: Data((text + "]").utf8)) as? [[String: Any]])
  }

  /// A folder for traces, which goes with the test.
  final class Folder {
    let path = "\(NSTemporaryDirectory())exitkit-\(UUID().uuidString)"
    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    func text(_ name: String) throws -> String { try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8) }
  }

  func trace(_ arguments: String...) throws -> (ending: Ending, events: [[String: Any]]) {
    let folder = try Folder()
    let outcome = try run(compile("trace.c"), arguments, environment: ["EXITKIT_TRACE": "\(folder.path)/t.json"])
    return (outcome.ending, try events(folder.text("t.json")))
  }

  /// An event as a line of text: its phase, category, name and arguments.
  func brief(_ event: [String: Any]) -> String {
    let arguments = (event["args"] as? [String: Any] ?? [:]).filter { $0.key != "version" }
    let text = arguments.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    return ([event["ph"], event["cat"], event["name"]].map { "\($0 ?? "-")" } + text).joined(separator: " ")
  }

  @Test func `a trace file has the exit, each handler, failures, pending handlers and the end`() throws {
    let (ending, events) = try trace("ways", "door")
    #expect(ending == .exited(7))
    let at = "phase=normal place=App/main.c:12"
    #expect(
      events.map(brief) == [
        "M - process_name name=trace", "M - exitkit_trace", "i exit exit door=cexit_exit status=3",
        "B handler listener depth=0 kind=handler number=5 phase=early place=App/main.c:12 stack=process",
        "E handler listener outcome=ok",
        "B handler trace!plain depth=0 kind=handler number=4 phase=normal stack=process",
        "E handler trace!plain outcome=ok", "B handler outer depth=0 kind=stack number=3 phase=normal stack=process",
        "B handler stack depth=1 kind=stack number=2 phase=normal stack=outer",
        "B handler schön ?[31m? depth=2 kind=handler number=1 \(at) stack=process",
        "i failure failure error=\"disk\" is full? handler=schön ?[31m?", "E handler schön ?[31m? outcome=failed",
        "E handler stack outcome=ok", "B handler oldest depth=1 kind=handler number=1 \(at) stack=outer",
        "E handler oldest outcome=ok", "E handler outer outcome=ok",
        "B handler again depth=0 kind=handler number=2 \(at) stack=process", "E handler  outcome=gone",
        "i left not run handler=object number=0 place=App/main.c:12 why=cancelled",
        "i exit end failed=1 ran=5 status=7", "B foreign after the stack", "E foreign after the stack",
        "B handler log depth=0 kind=handler number=1 phase=late place=App/main.c:12 stack=process",
        "E handler log outcome=ok", "i exit end failed=1 ran=6 status=7", "B foreign after the stack",
      ])
    for event in events where event["ph"] as? String != "M" {
      #expect(event["ts"] is Double && event["pid"] is Int && event["tid"] is Int)
    }
    let times = events.compactMap { $0["ts"] as? Double }
    #expect(times == times.sorted())
  }

  @Test func `a killed process leaves a readable trace that shows the handler at work`() throws {
    let (ending, events) = try trace("killed")
    #expect(ending == .signaled(SIGKILL))
    #expect(events.map { "\($0["ph"]!) \($0["name"]!)" }.suffix(3) == ["B first", "E first", "B deadly"])
  }

  @Test func `the deadline's trace has the stuck handler and the pending handlers`() throws {
    let (_, events) = try trace("stuck")
    #expect(
      events.map(brief).suffix(3) == [
        "B handler stuck depth=0 kind=handler number=2 phase=normal place=App/main.c:12 stack=process",
        "i left not run handler=left number=1 place=App/main.c:12 why=deadline", "i exit end failed=0 ran=0 status=4",
      ])
  }

  @Test func `a thread that waits for another thread's exit is shown`() throws {
    let (_, events) = try trace("waits")
    let wait = try #require(events.first { $0["cat"] as? String == "wait" })
    #expect(brief(wait) == "B wait another thread")
    #expect(wait["tid"] as? Int != wait["pid"] as? Int)
  }

  @Test func `with a process id in the name parent and child have a trace file each`() throws {
    let folder = try Folder()
    let program = try compile("trace.c")
    _ = try run(program, ["forks"], environment: ["EXITKIT_TRACE": "\(folder.path)/%p.json"])
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(names.count == 2)
    for name in names {
      let processes = Set(try events(folder.text(name)).map { $0["pid"] as! Int })
      #expect(processes.map { "\($0).json" } == [name])
    }
    _ = try run(program, ["forks"], environment: ["EXITKIT_TRACE": "\(folder.path)/both"])
    #expect(Set(try events(folder.text("both")).map { $0["pid"] as! Int }).count == 2)
  }

  @Test func `a program that closes all descriptors finds nothing of the trace in its files`() throws {
    let folder = try Folder()
    _ = try run(
      compile("trace.c"), ["closing", "\(folder.path)/own"], environment: ["EXITKIT_TRACE": "\(folder.path)/trace"])
    #expect(try folder.text("own") == "")
    #expect(try events(folder.text("trace")).map { "\($0["ph"]!) \($0["name"]!)" }.contains("E second"))
  }

  @Test func `a file that cannot be written changes nothing but a line on stderr`() throws {
    let outcome = try run(compile("trace.c"), ["ways"], environment: ["EXITKIT_TRACE": "/nowhere/trace"])
    #expect(
      outcome == Outcome(.exited(7), errors: "ExitKit: cannot write the trace to /nowhere/trace: error 2\n"))
    #expect(try run(compile("trace.c"), ["ways"], environment: ["EXITKIT_TRACE": "/dev/full"]) == Outcome(.exited(7)))
  }

  @Test(arguments: ["1", "file"])
  func `memory does not grow with the number of handlers`(to: String) throws {
    let folder = try Folder()
    let environment = ["EXITKIT_TRACE": to == "1" ? "1" : "\(folder.path)/trace"]
    let outcome = try run(compile("trace.c"), ["many", "100000"], environment: environment)
    #expect(outcome.output == "memory stays\n")
  }

  // MARK: The terminal

  @Test func `a live line fits the terminal, names the running handler, and goes at the end`() throws {
    let program = try compile("trace.c")
    let shown = try run(program, ["terminal"], environment: ["EXITKIT_TRACE": "1", "TERM": "xterm"]).output
    let name = "東京東京東京"
    let line = "\rexit handler \"\(name)\" (App/main.c:12) has been runnin\u{1B}[K"
    let parts = shown.components(separatedBy: line)
    #expect(parts.count > 3 && parts.dropFirst().dropLast().allSatisfy { $0.isEmpty })
    #expect(parts.last?.hasPrefix("\r\u{1B}[KExitKit:  at ms") == true)
    let dumb = try run(program, ["terminal", "short"], environment: ["EXITKIT_TRACE": "1", "TERM": "dumb"]).output
    #expect(!dumb.contains("\u{1B}") && dumb.contains(name))
  }
}
