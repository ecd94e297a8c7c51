// SPDX-License-Identifier: Apache-2.0
//
// Programs that use ExitKit beside packages which have a say in how a process ends: each with its transcript and its end.

import Glibc
import ProcessSupport
import Testing

@Suite struct IntegrationTests {
  @Test(arguments: ["none", "before", "after"], [SIGTERM, SIGINT])
  func `a ServiceGroup drains on a signal, then the handlers run`(_ asks: String, _ signal: Int32) throws {
    let server = try ChildProcess(builtProgram("group"), [asks])
    try #require(server.waitForOutput("ready"))
    server.send(signal)
    let transcript = "ready\ndrained\ngroup over\nasynchronous handler\nhandler\n"
    #expect(server.finish() == Outcome(.exited(0), output: transcript))
  }

  @Test(arguments: ["before", "after"], [SIGTERM, SIGINT])
  func `a handler that hangs after the group has ended can be ended by the signal`(
    _ asks: String, _ signal: Int32
  ) throws {
    let server = try ChildProcess(builtProgram("group"), [asks, "hang"], deadline: 20)
    try #require(server.waitForOutput("ready"))
    server.send(SIGTERM)
    try #require(server.waitForOutput("hanging"))
    server.send(signal)
    poll(nil, 0, 600)  // a signal that repeats the first one at once is part of the same request
    server.send(signal)
    #expect(server.finish() == Outcome(.signaled(signal), output: "ready\ndrained\ngroup over\nhanging\n"))
  }

  @Test(arguments: ["tool-sync", "tool-async"])
  func `a command of ArgumentParser runs its handlers, whichever way the command ends`(_ tool: String) throws {
    let handlers = "asynchronous handler\nhandler\n"
    #expect(try run(builtProgram(tool)) == Outcome(.exited(0), output: "done\n" + handlers))
    #expect(try run(builtProgram(tool), ["--end", "code"]) == Outcome(.exited(4), output: handlers))
    let failed = try run(builtProgram(tool), ["--end", "error"])
    #expect(failed == Outcome(.exited(1), output: handlers, errors: "Error: DiskFull()\n"))
    #expect(try run(builtProgram(tool), ["--wrong"]).ending == .exited(64))
  }

  @Test func `an ExitCode of ArgumentParser out of exitAfter is the status, and prints nothing`() throws {
    let outcome = try run(builtProgram("tool-sync"), ["--end", "code in exitAfter"])
    #expect(outcome == Outcome(.exited(4), output: "asynchronous handler\nhandler\n"))
  }

  @Test func `a Hummingbird server that is drained answers the request under way, and then the handlers run`() throws {
    let server = try ChildProcess(builtProgram("web"))
    try #require(server.waitForOutput("port "))
    try #require(server.waitForOutput("\n"))
    let port = server.output.drop { $0 != " " }.dropFirst().prefix { $0 != "\n" }
    let request = #"GET /slow HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"#
    let client = try ChildProcess(
      "bash", ["-c", "exec 3<>/dev/tcp/127.0.0.1/\(port); printf '\(request)' >&3; cat <&3"])
    try #require(server.waitForOutput("request under way"))
    server.send(SIGTERM)
    let answer = client.finish()
    #expect(answer.output.hasPrefix("HTTP/1.1 200 OK"))
    #expect(answer.output.hasSuffix("\r\n\r\nanswer\n"))
    let transcript = "port \(port)\nrequest under way\ndrained\ndatabase closed\nlog flushed\n"
    #expect(server.finish() == Outcome(.exited(0), output: transcript))
  }

  /// A FlyingFox server that listens, and its port.
  private func fox() throws -> (server: ChildProcess, port: Substring) {
    let server = try ChildProcess(builtProgram("fox"))
    try #require(server.waitForOutput("port "))
    try #require(server.waitForOutput("\n"))
    return (server, server.output.drop { $0 != " " }.dropFirst().prefix { $0 != "\n" })
  }

  @Test func `a FlyingFox server drains in a handler, and its error in main is not the process's`() throws {
    let (server, port) = try fox()
    let request = #"GET /slow HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"#
    let client = try ChildProcess(
      "bash", ["-c", "exec 3<>/dev/tcp/127.0.0.1/\(port); printf '\(request)' >&3; cat <&3"])
    try #require(server.waitForOutput("request under way"))
    server.send(SIGTERM)
    #expect(client.finish().output.hasSuffix("\r\n\r\nanswer\n"))
    let transcript = "port \(port)\nrequest under way\ndrained\nlog flushed\n"
    #expect(server.finish() == Outcome(.signaled(SIGTERM), output: transcript))
  }

  @Test(arguments: [("return", Ending.exited(0)), ("exit", .exited(3)), ("signal", .signaled(SIGTERM))])
  func `AsyncHTTPClient sends a last request in a handler, then is shut down`(_ way: String, _ ending: Ending) throws {
    let (server, port) = try fox()
    let client = try run(builtProgram("fetch"), [String(port), way])
    #expect(client == Outcome(ending, output: "answer: 7 bytes\ngoodbye: 200\n"))
    server.send(SIGTERM)
    let transcript = "port \(port)\nrequest under way\ngoodbye heard\ndrained\nlog flushed\n"
    #expect(server.finish() == Outcome(.signaled(SIGTERM), output: transcript))
  }

  @Test func `GRDB is closed under main, whose error the exit caused and which ends nothing`() throws {
    let file = "\(try emptyFolder("grdb"))/notes.sqlite"
    let writer = try ChildProcess(builtProgram("notes"), [file])
    try #require(writer.waitForOutput("written\n"))
    writer.send(SIGTERM)
    let outcome = writer.finish()
    #expect(outcome.ending == .signaled(SIGTERM) && outcome.output.hasSuffix("closed\n") && outcome.errors == "")
    try #expect(run(builtProgram("notes"), [file, "find"]) == Outcome(.exited(0), output: "goodbye\n"))
  }

  @Test func `swift-log still writes in a late handler`() throws {
    #expect(
      try run(builtProgram("log")) == Outcome(.exited(3), output: "info: main\ninfo: normal\nnotice: late\n"))
  }

  @Test func `a handler may run a child of swift-subprocess, and an early one ends a child at work`() throws {
    #expect(
      try run(builtProgram("children")) == Outcome(.exited(5), output: "child told to end\nchild in a handler\n"))
  }
}
