// SPDX-License-Identifier: Apache-2.0
//
// Plain Swift does this, ExitKit does better. Where plain Swift has become better, the test says so, and the promise may
// have become easy. (Signals are in SwiftSignalTests: a cancelled source of signals, and the second Ctrl-C.)

import Glibc
import ProcessSupport
import Testing

@Suite struct PlainSwiftTests {
  @Test func `an error out of main that an exit on another thread has caused ends nothing`() throws {
    let outcome = try runProgram("ErrorInExit")
    #expect(outcome.ending == .exited(3))
    #expect(outcome.lines == ["closed", "the rest"])
    #expect(outcome.errors.contains("DatabaseClosed()"))
  }

  @Test(arguments: [("PlainError", "SyncMain"), ("PlainAsyncError", "AsyncMain")])
  func `an error out of main traps; an error out of exitAfter is reported, handlers run`(
    plain: String, exitKit: String
  ) throws {
    let outcome = try runProgram(plain)
    #expect(outcome.ending == trap)
    #expect(outcome.lines == ["defer"])
    for (way, status) in [("error", Int32(1)), ("mapped", 64)] {
      let outcome = try runProgram(exitKit, way)
      #expect(outcome.ending == .exited(status))
      #expect(outcome.lines.last == "late")
      #expect(outcome.reports.first == "ExitKit: error: DiskFull()")
    }
  }

  @Test func `exit in a task traps in a main actor's closure of atexit, and not in ExitKit's`() throws {
    let outcome = try runProgram("Plain", "main actor's handler")
    #expect(outcome.ending == trap)
    #expect(outcome.output == "")
    let ours = try runProgram("TopLevel", "detachedServed")
    #expect(ours.ending == .exited(3))
    #expect(ours.lines.contains("global 7"))
  }

  @Test func `a closure that captures, and arguments: no C function; a handler`() throws {
    let plain = try diagnose("captures", "import Glibc\nfunc register(_ name: String) { atexit { puts(name) } }\n")
    #expect(plain.ending == .exited(1))
    #expect(plain.errors.contains("a C function pointer cannot be formed from a closure that captures context"))
    let ours = """
      import ExitKit
      import Glibc
      func register(_ name: String) {
        atExit { puts(name) }
        atExit(announce, name, 1)
      }
      func announce(_ name: String, _ number: Int) {}
      """
    #expect(try diagnose("handler", ours) == Outcome(.exited(0)))
  }

  @Test func `exit in two tasks at once, 64 handlers: a crash; every handler once`() throws {
    let version = try run("getconf", ["GNU_LIBC_VERSION"]).output.split { !$0.isNumber }.compactMap { Int($0) }
    if version.lexicographicallyPrecedes([2, 41]) {  // from this version on libc lets one thread wait
      #expect(try runProgram("Plain", "two tasks exit").ending == .signaled(SIGSEGV))
    }
    for _ in 0..<5 {
      let outcome = try runProgram("Cases", "two tasks exit")
      #expect(outcome.lines == (0..<64).reversed().map { "\($0)" })
      #expect(try [11, 12].contains(#require(outcome.status)))
    }
  }

  @Test func `a task at exit never runs and defer cannot await; asynchronous handlers run`() throws {
    #expect(try runProgram("Plain", "cleanup in a task") == Outcome(.exited(0)))
    #if compiler(<6.4)
      let source = """
        actor Client { func shutdown() {} }
        func use(_ client: Client) async {
          defer { await client.shutdown() }
          await client.shutdown()
        }
        """
      let plain = try diagnose("defer", source)
      #expect(plain.ending == .exited(1))
      #expect(plain.errors.contains("'await' operation cannot occur in a defer body"))
    #endif
    #expect(try runProgram("SyncMain", "return").lines.contains("async context exit 0"))
  }

  @Test func `objects that are alive at exit: no deinit; their finalizers run`() throws {
    #expect(try runProgram("Plain", "object") == Outcome(.exited(3)))
    #expect(
      try runProgram("Cases", "an object that lives to the end") == Outcome(.exited(3), output: "finalized\n"))
  }

  @Test func `a forked child that exits: its parent's handlers, too; its own`() throws {
    #expect(try runProgram("Plain", "fork") == Outcome(.exited(0), output: "parent's\nchild: 7\nparent's\n"))
    #expect(
      try runProgram("Cases", "fork, and the child only exits") == Outcome(.exited(0), output: "child: 7\nparent's\n"))
  }

  @Test func `exit in a handler: libc goes on; so does the stack`() throws {
    #expect(try runProgram("Plain", "exit in a handler") == Outcome(.exited(5), output: "older\n"))
    #expect(
      try runProgram("Cases", "a handler run by hand exits") == Outcome(.exited(5), output: "newer\nolder\n"))
  }
}
