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

  @Test func `swift-log still writes in a late handler`() throws {
    #expect(
      try run(builtProgram("log")) == Outcome(.exited(3), output: "info: main\ninfo: normal\nnotice: late\n"))
  }

  @Test func `a handler may run a child of swift-subprocess, and an early one ends a child at work`() throws {
    #expect(
      try run(builtProgram("children")) == Outcome(.exited(5), output: "child told to end\nchild in a handler\n"))
  }
}
