// SPDX-License-Identifier: Apache-2.0
//
// The helper that every process test rests on has to tell the truth itself.

import ProcessSupport
import Testing

@Suite struct ProcessSupportTests {
  @Test func `a status, a signal and a deadline are told apart`() throws {
    #expect(try run("sh", ["-c", "exit 7"]).ending == .exited(7))
    #expect(try run("sh", ["-c", "kill -TERM $$"]).ending == .signaled(15))
    #expect(try run("sh", ["-c", "echo before; sleep 1000"], deadline: 1) == Outcome(.overdue, output: "before\n"))
  }

  @Test func `output is captured whole, both streams`() throws {
    let outcome = try run("sh", ["-c", "seq 100000; seq 100000 >&2; exit 1"])
    #expect(outcome.output.utf8.count == 588_895)
    #expect(outcome == Outcome(.exited(1), output: outcome.output, errors: outcome.output))
  }

  @Test func `processes that a program leaves behind do not outlive the test`() throws {
    #expect(try run("sh", ["-c", "sleep 1000 & exit 3"], deadline: 1).ending == .exited(3))
  }

  @Test func `a program can be waited for, signalled and spoken to`() throws {
    let child = try ChildProcess("sh", ["-c", "trap 'echo caught' USR1; echo ready; read line; read line; echo $line"])
    #expect(child.waitForOutput("ready"))
    child.send(10)
    #expect(child.waitForOutput("caught"))
    child.write("one\ntwo\n")
    #expect(child.finish().output.hasPrefix("ready\ncaught\n"))
  }

  @Test func `a program that does not compile is an error, with the compiler's words`() {
    #expect(throws: SystemFailure.self) { try compile("return.c", .plain.with { $0.programFlags = ["-Dmain="] }) }
  }
}
