// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ExitTrace

@Suite struct TraceReaderTests {
  @Test func `a complete trace is read`() throws {
    let trace = try TraceText.mixed().trace()
    #expect(trace.program == "server")
    #expect(trace.status == 3)
    #expect(trace.deadline == 20_000)
    #expect(trace.handlers.map(\.span.name) == ["stop listening", "plug-ins", "unload", "save", "close", "flush"])
    #expect(trace.handlers.map(\.depth) == [0, 0, 1, 1, 0, 0])
    #expect(trace.handlers.map(\.phase) == [.early, .normal, .normal, .normal, .normal, .late])
    #expect(trace.handlers[3].outcome == .failed("disk full"))
    #expect(trace.time(of: trace.handlers[2]) == 2000)
    #expect(trace.waits.map(\.end) == [2500])
    #expect(trace.notRun.map(\.name) == ["cache"])
    #expect(trace.end == 6600)
  }

  @Test func `a trace that ends at any byte is read as far as its whole lines go`() throws {
    let bytes = Array(TraceText.mixed().text.utf8)
    let whole = try TraceReader.read(bytes)[0].handlers.count
    let start = TraceText(deadline: 0.02).text.utf8.count  // up to the begin of the exit
    for length in stride(from: start, to: bytes.count, by: 7) {
      let traces = try TraceReader.read(bytes.prefix(length))
      #expect(traces.count == 1)
      #expect(traces[0].handlers.count <= whole)
    }
  }

  @Test func `a handler has the time and the number of its registration`() throws {
    let trace = try TraceText.registered().trace()
    #expect(trace.handlers.map(\.span.name) == ["close", "late", "open"])
    #expect(
      trace.handlers.map(\.registration) == [
        Trace.Registration(time: -20_000, number: 3), Trace.Registration(time: 1000, number: 2),
        Trace.Registration(time: -32_000, number: 1),
      ])
    #expect(trace.handlers[0].span.start == 0 && trace.last == 3000, "the exit begins after the registrations")
    #expect(trace.cancelled.map(\.name) == ["taken back"])
  }

  @Test func `an entry that was taken untold is not the one before`() throws {
    var text = TraceText(registered: [("before", 1000)])
    text.run("untold", entry: 0)
    #expect(try text.trace().handlers[0].registration == nil)
  }

  @Test func `a trace of an older library has no registrations, and is read`() throws {
    let trace = try TraceText.mixed().trace()
    #expect(trace.handlers.allSatisfy { $0.registration == nil } && trace.caller == nil && trace.cancelled.isEmpty)
  }

  @Test func `a program that has not begun to exit has no trace yet`() {
    var text = "[\n" + TraceText.registered().text.split(separator: "\n").dropFirst().prefix(5).joined(separator: "\n")
    #expect(text.contains("taken back"))
    #expect(throws: TraceError.empty) { try TraceReader.read(text.utf8) }
    text = text.replacing(#""pid":7"#, with: #""pid":8"#) + "\n" + TraceText.mixed().text
    #expect(try! TraceReader.read(text.utf8).map(\.process) == [7])
  }

  @Test(arguments: [
    ("server!leave+0x2c", "exit called by leave (server), status 3"), ("server!main", "return from main, status 3"),
    ("server!main+0x9", "exit called by main (server), status 3"), ("0x1234", "exit called by 0x1234, status 3"),
    ("App!$s3App5leaveyyF+0x1c", "exit called by App.leave() -> () (App), status 3"),
  ]) func `the caller of the exit is named`(caller: String, reason: String) throws {
    let trace = try TraceText.registered(caller: caller).trace()
    #expect(trace.reason == reason)
    #expect(Picture(trace).svg().contains("server: \(reason.replacing(">", with: "&gt;"))"))
  }

  @Test func `a handler without its end is still running at the end of the trace`() throws {
    var text = TraceText()
    text.begin("flush")
    text.pass(5000)
    text.event("not run", "left", "i", #""handler":"close","why":"deadline""#)
    let trace = try text.trace()
    #expect(trace.handlers[0].outcome == .stuck)
    #expect(trace.time(of: trace.handlers[0]) == 5000)
  }

  @Test func `the line of the end follows a line that the kill cut off, and gives the time`() throws {
    var text = TraceText(), reader = TraceReader()
    text.run("stop")
    text.begin("flush")
    reader.append((text.text + #"{"name":"clo"#).utf8)
    #expect(reader.traces[0].isEndUnknown(reader.traces[0].handlers[1].span))
    let begin = 1_000_000.0, line = reader.ending(of: 7, at: begin + 4_201_000, signal: 9, status: 0)
    reader.append(try #require(line).utf8)
    #expect(reader.broken == 1)
    let trace = reader.traces[0]
    #expect(trace.time(of: trace.handlers[1]) == 4_200_000)
    #expect(trace.timeText(of: trace.handlers[1].span) == "4.2 s")
    #expect(trace.summary == "2 handlers in 4.2 s, still in flush, killed by SIGKILL")
    #expect(reader.ending(of: 8, at: begin, signal: 9, status: 0) == nil, "another process")
  }

  @Test func `a process that told its end needs no line, unless a hang and a kill followed`() throws {
    var reader = TraceReader()
    reader.append(TraceText.mixed().text.utf8)
    #expect(reader.ending(of: 7, at: 1_007_000, signal: nil, status: 3) == nil)
    #expect(reader.ending(of: 7, at: 1_007_000, signal: 15, status: 0) == nil, "the exit by a signal")
    #expect(reader.ending(of: 7, at: 5_000_000, signal: 9, status: 0) != nil)
  }

  @Test func `a handler that hangs after the told end has no known time`() throws {
    var text = TraceText.mixed()
    text.begin("registered late")
    let trace = try text.trace()
    #expect(trace.handlers.last.map { trace.timeText(of: $0.span) } == "?")
    #expect(!trace.blame().contains("registered late 0 ns"))
  }

  @Test func `a handler that failed and then hangs is still running`() throws {
    var text = TraceText()
    text.begin("save")
    text.event("failure", "failure", "i", #""handler":"save","error":"disk full""#)
    let trace = try text.trace()
    #expect(trace.handlers[0].outcome == .failed("disk full"))
    #expect(trace.summary.contains("still in save when the trace ends"))
  }

  @Test func `the door of the core is called a door`() throws {
    let text = TraceText().text.replacing(#""door":"exit""#, with: #""door":"cexit_exit""#)
    #expect(try TraceReader.read(text.utf8)[0].reason == "a door (such as cexit_exit or exitAfter), status 3")
  }

  @Test func `an empty file and a file that is no trace are told apart`() {
    #expect(throws: TraceError.empty) { try TraceReader.read([]) }
    #expect(throws: TraceError.empty) { try TraceReader.read("[\n".utf8) }
    #expect(throws: TraceError.notATrace) { try TraceReader.read("#!/bin/sh\n".utf8) }
  }

  @Test func `the bracket at the end is optional`() throws {
    let text = TraceText.mixed().text
    #expect(try TraceReader.read((text.dropLast(2) + "\n]\n").utf8)[0].handlers.count == 6)
  }

  @Test func `a file that arrives in pieces is read as the whole`() throws {
    var reader = TraceReader()
    for byte in TraceText.mixed().text.utf8 { reader.append([byte]) }
    #expect(reader.traces[0].handlers.count == 6)
    #expect(reader.broken == 0)
  }

  @Test func `handlers of two threads do not end each other`() throws {
    var text = TraceText()
    text.begin("one", thread: 7)
    text.begin("two", thread: 8)
    text.pass(10)
    text.end(thread: 7)
    let trace = try text.trace()
    #expect(trace.handlers.map(\.outcome) == [.ok, .stuck])
    #expect(trace.handlers.map(\.depth) == [0, 0])
  }

  @Test func `a forked child is a trace of its own`() throws {
    let text = TraceText.mixed().text
    let child = text.dropFirst(2).replacing(#""pid":7"#, with: #""pid":8"#)
    let traces = try TraceReader.read((text + child).utf8)
    #expect(traces.map(\.process) == [7, 8])
    #expect(traces.map(\.handlers.count) == [6, 6])
  }

  @Test func `a hundred thousand events are read`() throws {
    var text = TraceText()
    for number in 0..<50_000 { text.run("task \(number)", 1, number: number + 1) }
    let trace = try text.trace()
    #expect(trace.handlers.count == 50_000)
    #expect(Picture(trace).svg().utf8.count < 100_000)
  }

  @Test func `escapes of JSON are text`() throws {
    #expect(JSON(#""a\"\\\n\u00e9\ud83d\ude00\ud800""#.utf8)?.text == "a\"\\\né😀\u{fffd}")
    for broken in [#"{"a":}"#, "[1,", #""a"#, "tru", "1 2", "", #"{"a" 1}"#, #""\u12""#] {
      #expect(JSON(broken.utf8) == nil, "\(broken)")
    }
    #expect(JSON(String(repeating: "[", count: 100_000).utf8) == nil)
  }
}
