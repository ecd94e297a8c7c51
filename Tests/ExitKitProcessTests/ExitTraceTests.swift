// SPDX-License-Identifier: Apache-2.0

import ExitKit
import ProcessSupport
import Testing

/// The trace of a process as a value of Swift.
@Suite struct ExitTraceTests {
  @Test func `a test reads the trace of a program, and attaches the trace`() throws {
    let trace = ExitTrace(path: "\(try emptyFolder("exit-trace"))/exit.json")
    #expect(trace.text == nil)
    #expect(trace.description.hasPrefix("\(trace.path): no trace"))
    let outcome = try runProgram("Cases", "trace", environment: trace.environment)
    let text = try #require(trace.text)
    Attachment.record(trace.description, named: "exit.json")
    #expect(text.contains(#"{"name":"newer","cat":"handler","ph":"B""#))
    #expect(text.hasSuffix("},\n"))
    #expect(trace.description == text)
    // The program prints its own trace: path, and text so far.
    #expect(outcome == Outcome(.exited(0), output: "\(trace.path)\nnewer begins, older not\n"))
  }

  @Test func `a process knows the file of its own trace, with its number in the place of %p`() throws {
    let folder = try emptyFolder("exit-trace-number")
    let outcome = try runProgram("Cases", "trace", environment: ["EXITKIT_TRACE": "\(folder)/%p.%p"])
    let path = try #require(outcome.lines.first)
    #expect(try #require(path.wholeMatch(of: /.*\/(\d+)\.(\d+)/)).output.1 == path.split(separator: ".").last!)
    #expect(outcome.lines.last == "newer begins, older not")
  }

  @Test(arguments: [
    ("exit", "leavesByExit"), ("exitAfter", "leavesByExitAfter"), ("exitAfter with an error", "failsInExitAfter"),
    // The code that awaits stands on no stack.
    ("exitAfter, asynchronous", "exitAfter"), ("exitAfter with an error, asynchronous", "exitAfter"),
  ]) func `a trace names the function that leaves by a door`(door: String, caller: String) throws {
    let trace = ExitTrace(path: "\(try emptyFolder("exit-trace-caller-\(door.hashValue)"))/exit.json")
    _ = try runProgram("Cases", "caller of \(door)", environment: trace.environment)
    let text = try #require(trace.text)
    let told = try #require(text.firstMatch(of: /"caller":"Cases!([^"+]*)/)).output.1
    #expect(told.contains("\(caller.utf8.count)\(caller)"), "\(told)")
  }

  @Test(arguments: [[:], ["EXITKIT_TRACE": ""], ["EXITKIT_TRACE": "1"]])
  func `without a file for the trace a process has none`(environment: [String: String]) throws {
    #expect(try runProgram("Cases", "trace", environment: environment).lines == ["none", "none"])
  }
}
