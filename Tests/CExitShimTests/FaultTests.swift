// SPDX-License-Identifier: Apache-2.0
//
// Calls of the system that fail, and a lack of memory or threads. An accepted handler runs once, all the same; a call
// that fails says so.

import Glibc
import ProcessSupport
import Testing

@Suite(.disabled(if: isSanitized, "a sanitizer makes such calls itself"))
struct FaultTests {
  @Test(arguments: [
    "mmap", "malloc", "calloc", "pthread_create", "sigaction", "__cxa_atexit", "fopencookie",
  ])
  func `each call of libc may fail, alone or with all later calls: nothing is lost`(function: String) throws {
    let outcome = try fixture("fault", [function])
    #expect(outcome.ending == .exited(0), "\(outcome.output)\(outcome.errors)")
    // musl's list of handlers, its thread data and its streams do not come from the malloc that the fixture replaces.
    let refused = isMusl && ["malloc", "calloc"].contains(function) ? "no call refused" : "some calls refused"
    #expect(outcome.output.hasSuffix("\(refused), nothing lost\n"), "\(outcome.output)")
  }

  @Test(arguments: ["madvise", "pthread_key_create", "pthread_atfork", "open"])
  func `each call that the library can do without may fail`(function: String) throws {
    let outcome = try fixture("fault", [function])
    #expect(outcome.ending == .exited(0), "\(outcome.output)\(outcome.errors)")
    #expect(outcome.output.hasSuffix("no call refused, nothing lost\n"), "\(outcome.output)")
  }

  @Test func `a thread with the least stack that pthread_create allows can exit`() throws {
    #expect(try fixture("fault-scarce", ["small-stack"]) == Outcome(.exited(4), lines: "500 ran"))
  }

  @Test func `a process without descriptors takes a signal and sets a deadline`() throws {
    #expect(try fixture("fault-scarce", ["no-descriptors"]) == Outcome(.signaled(15), lines: "500 ran"))
  }

  @Test func `a stack nested in more than 32 stacks is refused, and the 32 stacks run at exit`() throws {
    #expect(
      try fixture("fault-scarce", ["deep", "10000"])
        == Outcome(.exited(4), lines: "32 deep: \(errorText(ELOOP))", "1 ran"))
  }

  @Test(arguments: ["closed", "full", "broken"])
  func `a standard error that takes nothing does not stop the deadline`(kind: String) throws {
    #expect(try fixture("fault-scarce", ["stderr", kind]) == Outcome(.exited(4)))
  }

  @Test func `a handler may fork, and the child may exit within the handler`() throws {
    #expect(try fixture("fault-scarce", ["leaves", "fork"]) == Outcome(.exited(4), lines: "child: 6", "older"))
  }

  @Test func `a handler that calls _exit ends the process with that status`() throws {
    #expect(try fixture("fault-scarce", ["leaves", "_exit"]) == Outcome(.exited(5)))
  }

  @Test func `a handler that traps ends the process by the trap`() throws {
    let outcome = try fixture("fault-scarce", ["leaves", "trap"])
    #expect([.signaled(4), .signaled(5)].contains(outcome.ending))
    #expect(outcome.errors.hasPrefix("ExitKit: exit handler "), "\(outcome.errors)")
  }
}
