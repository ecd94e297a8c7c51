// SPDX-License-Identifier: Apache-2.0

import Foundation
import ProcessSupport
import Testing

/// EXITKIT_TRACE, EXITKIT_SLOW and EXITKIT_DUMP in the environment show an exit.
@Suite(.disabled(if: isSanitized, "sanitizers put handlers of their own into libc's list, and take time"))
struct TraceTests {
  /// Runs a case, and returns the text on stderr, without the numbers that change from run to run.
  func errors(_ environment: [String: String], _ arguments: String...) throws -> String {
    try plain(run(compile("trace.c"), arguments, environment: environment).errors)
  }

  func plain(_ errors: String) -> String {
    errors.replacing(/[ ]+[0-9]+\.[0-9]{2} +[0-9]+\.[0-9]{2}  =* *[0-9]+ +/, with: " T ")
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

  /// The events of a run, without registrations and cancellations, or these alone.
  func trace(_ arguments: String..., registrations: Bool = false) throws -> (ending: Ending, events: [[String: Any]]) {
    let folder = try Folder()
    let outcome = try run(compile("trace.c"), arguments, environment: ["EXITKIT_TRACE": "\(folder.path)/t.json"])
    let all = try events(folder.text("t.json"))
    return (outcome.ending, all.filter { ($0["cat"] as? String == "registration") == registrations })
  }

  /// An event as a line of text: its phase, category, name and arguments.
  func brief(_ event: [String: Any]) -> String {
    let arguments = (event["args"] as? [String: Any] ?? [:]).filter { $0.key != "version" && $0.key != "entry" }
    let text = arguments.sorted { $0.key < $1.key }.map {
      "\($0.key)=\($0.value)".replacing(/\+0x[0-9a-f]+/, with: "+N")
    }
    return ([event["ph"], event["cat"], event["name"]].map { "\($0 ?? "-")" } + text).joined(separator: " ")
  }

  @Test func `a trace file has the exit, each handler, failures, pending handlers and the end`() throws {
    let (ending, events) = try trace("ways", "door")
    #expect(ending == .exited(7))
    let at = "phase=normal place=App/main.c:12"
    #expect(
      events.map(brief) == [
        "M - process_name name=trace", "M - exitkit_trace", "i exit exit caller=trace!ways+N door=cexit_exit status=3",
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

  @Test func `a trace file has each registration and each cancellation`() throws {
    let (ending, told) = try trace("registrations", registrations: true)
    #expect(ending == .exited(0))
    let place = "phase=normal place=App/main.c:12"
    #expect(
      told.map { brief($0).replacing("i registration ", with: "") } == [
        "registered handler=by handle kind=handler number=1 \(place) stack=process",
        "registered handler=twin kind=handler number=2 \(place) stack=process",
        "registered handler=twin kind=handler number=3 \(place) stack=process",
        "registered handler=trace!plain kind=handler number=4 phase=normal stack=process",
        "registered handler=nested kind=stack number=5 phase=normal stack=process",
        "registered handler=inner kind=handler number=1 \(place) stack=nested",
        "cancelled handler=by handle \(place)", "cancelled handler=twin \(place)", "cancelled handler=twin \(place)",
        "cancelled handler=trace!plain phase=normal", "cancelled handler=inner \(place)",
        "registered handler=adder kind=handler number=2 phase=early place=App/main.c:12 stack=process",
        "registered handler=a thread's kind=handler number=3 phase=late place=App/main.c:12 stack=process",
        "registered handler=another kind=handler number=3 \(place) stack=process",
      ])
    #expect(Set(told.compactMap { $0["tid"] as? Int }).count == 2, "the thread's own number")
  }

  @Test func `the begin of a handler has the entry of its registration, which came before`() throws {
    let folder = try Folder()
    _ = try run(
      compile("trace.c"), ["registrations"], environment: ["EXITKIT_TRACE": "\(folder.path)/t.json"])
    var registered: [Int: (name: String, time: Double)] = [:]
    var begun = 0
    for event in try events(folder.text("t.json")) {
      guard let details = event["args"] as? [String: Any], let entry = details["entry"] as? Int else { continue }
      let time = try #require(event["ts"] as? Double)
      switch event["name"] as? String {
      case "registered": registered[entry] = (details["handler"] as? String ?? "", time)
      case "cancelled":
        #expect(registered[entry]?.name == details["handler"] as? String)
        registered[entry] = nil
      default:
        begun += 1
        let known = try #require(registered[entry])
        registered[entry] = nil
        #expect(known.name == event["name"] as? String && known.time <= time)
      }
    }
    #expect(begun == 4 && registered.isEmpty)
  }

  @Test func `a registration in the middle of an event hangs nothing and breaks no line`() throws {
    let (ending, told) = try trace("interrupted", registrations: true)
    #expect(ending == .exited(0))
    #expect(told.count >= 12000)
  }

  @Test func `an exit in the middle of an event lets other threads tell their events`() throws {
    let folder = try Folder()
    for round in 0..<10 {
      let environment = ["EXITKIT_TRACE": "\(folder.path)/\(round)"]
      #expect(try run(compile("trace.c"), ["exits within"], environment: environment).ending == .exited(SIGALRM))
      _ = try events(folder.text("\(round)"))
    }
  }

  @Test(arguments: [("return", "main"), ("exit", "order+N"), ("thread", "exit_with+N")])
  func `with CExitFirst the trace names the function that called exit, or main`(
    way: String, caller: String
  ) throws {
    let folder = try Folder()
    let program = try compile("exit-first.c", ExitFirstTests.build())
    _ = try run(program, ["order", way], environment: ["EXITKIT_TRACE": "\(folder.path)/t.json"])
    let exit = try #require(try events(folder.text("t.json")).first { $0["name"] as? String == "exit" })
    let told = brief(exit).replacing(/\.cold\.\d+/, with: "")  // clang's name of the unlikely part of a function
    #expect(told == "i exit exit caller=exit-first!\(caller) door=cexit_exit status=3")
  }

  @Test func `of plain exit the caller is not known`() throws {
    let exit = try #require(try trace("ways").events.first { $0["name"] as? String == "exit" })
    #expect(brief(exit) == "i exit exit door=exit status=3")
  }

  @Test(arguments: ["1", "file"])
  func `a second signal leaves the stuck handler and the pending handlers`(to: String) throws {
    let folder = try Folder()
    let environment = ["EXITKIT_TRACE": to == "1" ? "1" : "\(folder.path)/t.json"]
    let child = try ChildProcess(compile("signal.c"), ["second"], environment: environment)
    #expect(child.waitForOutput("ready"))
    child.send(SIGTERM)
    #expect(child.waitForOutput("hanging"))
    child.send(SIGINT)
    let outcome = child.finish()
    #expect(outcome.ending == .signaled(SIGINT))
    if to == "1" {
      #expect(
        plain(outcome.errors)
          == """
          \(Self.head) T normal  signal!hang STUCK
            not run: signal                          normal  signal!say_name
          ExitKit: handlers that ran: 0, that failed: 0

          """)
    } else {
      #expect(
        try events(folder.text("t.json")).suffix(3).map(brief) == [
          "B handler signal!hang depth=0 kind=handler number=2 phase=normal stack=process",
          "i left not run handler=signal!say_name number=1 why=signal", "i exit end failed=0 ran=0 status=143",
        ])
    }
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

  @Test func `a file has refused registrations, and entries that a child leaves`() throws {
    #expect(try trace("refused").events.map(brief).contains("i left not run handler=too late number=0 why=refused"))
    let left = try trace("forks").events.filter { $0["cat"] as? String == "left" }
    #expect(left.map(brief) == ["i left not run handler=parent's number=0 place=App/main.c:12 why=parent's"])
    #expect(left.allSatisfy { $0["pid"] as? Int == $0["tid"] as? Int }, "told by the child")
  }

  @Test func `a program that closes all descriptors early finds nothing in its files`() throws {
    let folder = try Folder()
    let outcome = try run(
      compile("trace.c"), ["closing early", "\(folder.path)/own"],
      environment: ["EXITKIT_TRACE": "\(folder.path)/trace"])
    #expect(outcome == Outcome(.exited(0)))
    #expect(try folder.text("own") == "")
    #expect(try events(folder.text("trace")).map { "\($0["ph"]!) \($0["name"]!)" }.contains("E second"))
  }

  @Test func `registrations and cancellations without end need no memory`() throws {
    let folder = try Folder()
    let memory = try ["1000", "100000"].map { count in
      let outcome = try run(
        compile("trace.c"), ["churn", count], environment: ["EXITKIT_TRACE": "\(folder.path)/\(count)"])
      return try #require(Int(outcome.output.dropLast()))
    }
    #expect(memory[1] - memory[0] < 512, "KiB")
  }

  // MARK: The environment of others

  /// A copy of the fixture that runs as another user than who starts the copy: such a program has raised privileges.
  @Test(.disabled(if: isEmulated, "the emulator has no raised privileges"))
  func `a program with raised privileges looks at no variable`() throws {
    let folder = try Folder()
    let copy = "\(folder.path)/copy"
    try FileManager.default.copyItem(atPath: compile("trace.c"), toPath: copy)
    #expect(chmod(folder.path, 0o777) == 0)
    let environment = ["EXITKIT_DUMP": "USR1", "EXITKIT_SLOW": "soon", "EXITKIT_TRACE": "\(folder.path)/trace"]
    #expect(
      try run(copy, ["privileged"], environment: environment)
        == Outcome(
          .exited(0), output: "privileged: 0, dumps: 1\n", errors: "ExitKit: EXITKIT_SLOW=soon is not understood\n"))
    #expect(unlink("\(folder.path)/trace") == 0)
    guard geteuid() == 0, chown(copy, 65534, 65534) == 0, chmod(copy, 0o4755) == 0 else { return }
    let outcome = try run(copy, ["privileged"], environment: environment)
    if outcome.output.hasPrefix("privileged: 0") { return }  // a file system that grants no privileges
    #expect(outcome == Outcome(.exited(0), output: "privileged: 1, dumps: 0\n"))
    #expect(access("\(folder.path)/trace", F_OK) != 0)
    #expect(
      try run(copy, ["privileged"], environment: ["EXITKIT_TRACE": "1"])
        == Outcome(.exited(0), output: "privileged: 1, dumps: 0\n"))
  }

  @Test(arguments: ["1", "file"])
  func `memory does not grow with the number of handlers`(to: String) throws {
    let folder = try Folder()
    let environment = ["EXITKIT_TRACE": to == "1" ? "1" : "\(folder.path)/trace"]
    let outcome = try run(compile("trace.c"), ["many", "200000"], environment: environment)
    #expect(outcome.output == "memory stays\n")
  }

  // MARK: Names

  static let scripts = [
    "закрыть базу", "数据库を閉じる", "🧹👩‍💻 sweep", "cafe\u{301} o\u{308}\u{323}ffnen", "إغلاق", "ปิดไฟล์",
  ]

  @Test func `names in any script are whole in the table, and behind all columns`() throws {
    let program = try compile("trace.c")
    let errors = try run(program, ["names"] + Self.scripts, environment: ["EXITKIT_TRACE": "1"]).errors
    let rows = errors.split(separator: "\n").filter { $0.contains("App/main.c") }
    #expect(rows.map { $0.utf8.prefix(51).allSatisfy { $0 < 0x80 } } == Self.scripts.map { _ in true })
    let names = rows.map { String(decoding: $0.utf8.dropFirst(51), as: UTF8.self) }
    #expect(
      names.reversed()
        == Self.scripts.enumerated().map {
          "\($1) (App/main.c:12)" + ($0 % 2 == 0 ? "" : " FAILED: \"disk\" is full ")
        })
  }

  @Test func `a name that is too long for the table is cut between two characters`() throws {
    for first in ["", "a", "ab", "abc"] {
      let name = first + String(repeating: "東", count: 40)
      let errors = try run(compile("trace.c"), ["names", name], environment: ["EXITKIT_TRACE": "1"]).errors
      let shown = try #require(errors.firstMatch(of: /normal  (.*) \(App/)).output.1
      #expect(name.hasPrefix(shown) && shown.utf8.count > 90 && !shown.contains("?"))
    }
  }

  @Test func `names in any script are whole in the file`() throws {
    let folder = try Folder()
    _ = try run(
      compile("trace.c"), ["names"] + Self.scripts, environment: ["EXITKIT_TRACE": "\(folder.path)/t.json"])
    let begun = try events(folder.text("t.json")).filter {
      $0["ph"] as? String == "B" && $0["cat"] as? String == "handler"
    }
    #expect(begun.map { $0["name"] as? String }.reversed() == Self.scripts)
  }

  // MARK: The terminal

  @Test func `beside a file no live line is drawn, so the lines of exitkit run stay whole`() throws {
    let folder = try Folder()
    let environment = ["EXITKIT_TRACE": "\(folder.path)/t.json", "TERM": "xterm"]
    let shown = try run(compile("trace.c"), ["terminal", "short"], environment: environment).output
    #expect(shown == "child: 0\n")
    #expect(try folder.text("t.json").contains("東京東京東京"))
  }

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
