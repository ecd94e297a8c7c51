// SPDX-License-Identifier: Apache-2.0

@testable import ExitTrace

/// Writes a trace as the C core does.
struct TraceText {
  private(set) var text = "[\n"
  private var clock = 1_000_000.0

  /// - Parameter registered: names, and how many microseconds before the exit; each has its place here as its entry.
  init(
    _ program: String = "server", deadline: Double? = nil, caller: String? = nil, registered: [(String, Double)] = []
  ) {
    add(#""name":"process_name","ph":"M","pid":7,"tid":7,"args":{"name":"\#(program)"}"#)
    add(#""name":"exitkit_trace","ph":"M","pid":7,"tid":7,"args":{"version":1}"#)
    for (entry, (name, time)) in registered.enumerated() {
      clock -= time
      register(name, entry: entry, number: entry + 1)
      clock += time
    }
    let call = caller.map { #","caller":"\#($0)""# } ?? ""
    let limit = deadline.map { #","deadline":\#($0)"# } ?? ""
    event("exit", "exit", "i", #""door":"\#(caller == nil ? "exit" : "cexit_exit")","status":3\#(call)\#(limit)"#)
  }

  private mutating func add(_ members: String) { text += "{\(members)},\n" }

  mutating func event(_ name: String, _ category: String, _ kind: String, thread: Int = 7, _ details: String = "") {
    add(
      #""name":"\#(name)","cat":"\#(category)","ph":"\#(kind)","ts":\#(clock),"pid":7,"tid":\#(thread),"args":{\#(details)}"#
    )
  }

  mutating func register(_ name: String, entry: Int, number: Int) {
    event(
      "registered", "registration", "i",
      #""entry":\#(entry),"phase":"normal","handler":"\#(name)","stack":"process","number":\#(number),"kind":"handler""#
    )
  }

  mutating func cancel(_ name: String, entry: Int) {
    event("cancelled", "registration", "i", #""entry":\#(entry),"phase":"normal","handler":"\#(name)""#)
  }

  mutating func pass(_ microseconds: Double) { clock += microseconds }

  mutating func begin(
    _ name: String, phase: String = "normal", stack: String = "process", number: Int = 0, kind: String = "handler",
    thread: Int = 7, entry: Int? = nil
  ) {
    event(
      name, "handler", "B", thread: thread,
      #"\#(entry.map { #""entry":\#($0),"# } ?? "")"place":"Server/main.swift:12","phase":"\#(phase)","stack":"\#(stack)","number":\#(number),"kind":"\#(kind)""#
    )
  }

  mutating func end(_ name: String = "", _ outcome: String = "ok", thread: Int = 7) {
    event(name, "handler", "E", thread: thread, #""outcome":"\#(outcome)""#)
  }

  mutating func run(
    _ name: String, _ microseconds: Double = 1000, phase: String = "normal", number: Int = 0, entry: Int? = nil
  ) {
    begin(name, phase: phase, number: number, entry: entry)
    pass(microseconds)
    end(name)
  }

  mutating func finish() { event("end", "exit", "i", #""ran":1,"failed":0,"status":3"#) }

  /// "close" was registered 12 ms after "open", and "taken back" in between; "late" is registered in the exit.
  static func registered(caller: String? = nil) -> TraceText {
    var text = TraceText(caller: caller, registered: [("open", 32_000), ("taken back", 25_000), ("close", 20_000)])
    text.cancel("taken back", entry: 1)
    text.run("close", number: 2, entry: 2)
    text.register("late", entry: 2, number: 2)
    text.run("late", number: 2, entry: 2)
    text.run("open", number: 1, entry: 0)
    text.finish()
    return text
  }

  func trace() throws -> Trace { try TraceReader.read(text.utf8)[0] }

  /// Early, normal, a nested stack with two handlers, a failure, a wait, and late.
  static func mixed() -> TraceText {
    var text = TraceText(deadline: 0.02)
    text.run("stop listening", 500, phase: "early", number: 5)
    text.begin("plug-ins", number: 4, kind: "stack")
    text.begin("unload", stack: "plug-ins", number: 2)
    text.event("main actor", "wait", "B")
    text.pass(2000)
    text.event("", "wait", "E")
    text.end("unload")
    text.begin("save", stack: "plug-ins", number: 1)
    text.pass(3000)
    text.event("failure", "failure", "i", #""handler":"save","error":"disk full""#)
    text.end("save", "failed")
    text.end("plug-ins")
    text.run("close", number: 3)
    text.run("flush", 100, phase: "late", number: 1)
    text.event("not run", "left", "i", #""handler":"cache","why":"cancelled","number":0"#)
    text.finish()
    return text
  }
}
