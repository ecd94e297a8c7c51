// SPDX-License-Identifier: Apache-2.0

import Glibc
import ProcessSupport
import Testing

/// The path of an executable of this package.
func signalled(
  _ name: String, _ arguments: [String], _ signal: Int32 = SIGTERM, environment: [String: String] = [:]
) throws -> Outcome {
  let child = try ChildProcess(builtProgram(name), arguments, environment: environment)
  #expect(child.waitForOutput("ready"))
  child.send(signal)
  return child.finish()
}

@Suite struct SwiftSignalTests {
  @Test(arguments: ["loop", "read", "dispatchMain", "semaphore"])
  func `handlers know the signal and its sender, in every state of main`(state: String) throws {
    let outcome = try signalled("SignalWays", ["signal", state])
    #expect(outcome == Outcome(.signaled(SIGTERM), output: "ready\nasync\nSIGTERM 143 true true\n"))
  }

  /// The handler waits for main, and main waits in a sleep: the time of one look at the exiter, and no deadline.
  @Test(arguments: ["main actor", "none"])
  func `a main thread stopped with a lock goes on when a handler needs the lock`(isolation: String) throws {
    let child = try ChildProcess(builtProgram("SignalWays"), ["lock", isolation])
    #expect(child.waitForOutput("ready") && child.waitUntilMainSleeps())
    child.send(SIGTERM)
    #expect(child.finish() == Outcome(.signaled(SIGTERM), output: "ready\nhandler: 1\n"))
  }

  @Test func `a handler of the main actor runs when main is blocked, and when main is free`() throws {
    let blocked = try signalled("SignalWays", ["main actor", "read"])
    #expect(blocked.ending == .signaled(SIGTERM))
    #expect(blocked.output == "ready\nmain actor\n")
    #expect(blocked.errors == "")  // no thread waits for a main thread that sleeps in the kernel
    let free = try signalled("SignalWays", ["main actor", "dispatchMain"])
    #expect(free == Outcome(.signaled(SIGTERM), output: "ready\nmain actor\n"))
  }

  @Test(arguments: ["suspended", "task"])
  func `a signal ends an asynchronous main, handlers of the main actor run`(state: String) throws {
    let outcome = try signalled("AsyncSignalWays", [state])
    #expect(
      outcome == Outcome(.signaled(SIGTERM), output: "ready\nasync, on the main actor\non the main actor\n"))
  }

  // Without the rule that a main thread that has ended is not stopped, eight of eight runs found two things at once.
  @Test func `a handler of the main actor waits until the actor is idle, on whichever thread`()
    throws
  {
    for _ in 1...3 {
      let child = try ChildProcess(builtProgram("AsyncSignalWays"), ["busy"])
      #expect(child.waitForOutput("suspended"))
      child.send(SIGTERM)
      let outcome = child.finish()
      #expect(outcome.ending == .signaled(SIGTERM))
      #expect(outcome.lines.contains("the main actor is idle") && outcome.errors.isEmpty)
    }
  }

  @Test func `a signal that cannot be an exit is an error with the reason`() throws {
    #expect(try run(builtProgram("SignalWays"), ["refused"]) == Outcome(.signaled(SIGTERM)))
  }

  @Test func `plain Swift: a cancelled signal source swallows its signal for ever`() throws {
    let child = try ChildProcess(builtProgram("SignalWays"), ["source"], deadline: 5)
    #expect(child.waitForOutput("ready"))
    child.send(SIGTERM)
    #expect(child.finish().ending == .overdue)
  }

  // Without the rule, the kernel gave the signal to this library in one run of five; so twenty runs find the fault.
  @Test(arguments: ["loop", "read"])
  func `an older signal source drains first; after its cancel() the signal is an exit`(
    state: String
  ) throws {
    for _ in 1...20 {
      let outcome = try signalled("SignalWays", ["source first", state])
      try #require(outcome == Outcome(.exited(3), output: "ready\ndrained\nhandler 3\n"))
    }
    let outcome = try signalled("SignalWays", ["source first", state, "cancelled"])
    #expect(outcome == Outcome(.signaled(SIGTERM), output: "ready\nhandler 143\n"))
  }

  @Test func `a second signal ends a clean-up that hangs, also after a cancelled source`() throws {
    let child = try ChildProcess(builtProgram("SignalWays"), ["source later"], deadline: 20)
    #expect(child.waitForOutput("hanging"))
    child.send(SIGTERM)
    // Within half a second a second signal is part of the same request. On a busy machine the first one is taken late.
    usleep(2_000_000)
    child.send(SIGTERM)
    #expect(child.finish() == Outcome(.signaled(SIGTERM), output: "hanging\n"))
  }

  @Test(arguments: ["line", "report"])
  func `an error out of exitAfter's body that a signal's exit has caused is not told`(how: String) throws {
    let outcome = try signalled("SignalWays", ["error in the exit", how])
    #expect(outcome == Outcome(.signaled(SIGTERM), output: "ready\nmain has left\n"))
  }

  @Test func `after SIGQUIT as an exit the handlers run, and then Swift's backtracer speaks`() throws {
    let on = ["SWIFT_BACKTRACE": "enable=yes,color=no,interactive=no,output-to=stdout"]
    let outcome = try signalled("SignalWays", ["backtracer"], SIGQUIT, environment: on)
    #expect(outcome.ending == .signaled(SIGQUIT))
    #expect(outcome.output.hasPrefix("ready\nhandler\n"))
    #expect(outcome.output.contains("*** Signal 3: Backtracing"))
  }

  @Test func `with ExitKit the second Ctrl-C ends a clean-up that hangs`() throws {
    let child = try ChildProcess(builtProgram("SignalWays"), ["second", "dispatchMain"])
    #expect(child.waitForOutput("ready"))
    child.send(SIGINT)
    #expect(child.waitForOutput("hanging"))
    usleep(600_000)  // within half a second a second signal is part of the same request
    child.send(SIGINT)
    #expect(child.finish() == Outcome(.signaled(SIGINT), output: "ready\nhanging\n"))
  }
}

@Suite struct SwiftDeadlineTests {
  @Test(arguments: ["main queue", "await", "allocate"])
  func `a handler that is stuck is named, with its place`(way: String) throws {
    let outcome = try run(builtProgram("SignalWays"), ["deadline", way])
    #expect(outcome.ending == .exited(7))
    #expect(outcome.output == "")
    let line =
      #/ExitKit: exit handler "(.+)" \(SignalWays/main.swift:[0-9]+\) is stuck after 0\.[0-9]{3} s: the deadline of 0\.200 s has passed\n/#
    #expect(outcome.errors.wholeMatch(of: line)?.output.1 == way[...])
  }

  @Test(arguments: ["await", "block"])
  func `a handler has no longer than its own limit`(way: String) throws {
    let outcome = try run(builtProgram("SignalWays"), ["limit", way])
    #expect(outcome.ending == .exited(7))
    #expect(outcome.output == "in time\n")
    #expect(outcome.errors.hasPrefix("ExitKit: exit handler \"limited\" (SignalWays/main.swift:"))
    #expect(outcome.errors.contains("its limit is 0.200 s; 1 handler did not run: (SignalWays/main.swift:"))
  }

  // The first eight limits of a process need no memory of their own; the ninth and later ones do.
  @Test(arguments: [7, 8])
  func `each handler has its own limit, however many limits there are`(others: Int) throws {
    let outcome = try run(builtProgram("SignalWays"), ["many limits", "\(others)"])
    #expect(outcome.ending == .exited(7))
    #expect(outcome.output == String(repeating: "in time\n", count: others))
    #expect(outcome.errors.hasPrefix("ExitKit: exit handler (SignalWays/main.swift:"))
    #expect(outcome.errors.contains("its limit is 0.200 s; \(others) handlers did not run, first of them"))
  }

  @Test func `limits that make no sense are refused and reported, and change nothing`() throws {
    let outcome = try run(builtProgram("SignalWays"), ["bad limits"])
    #expect(outcome.ending == .exited(0))
    let lines = outcome.output.split(separator: "\n").map { $0.replacing(/:[0-9]+\)/, with: ")") }
    let reason = "was not registered: its timeout has to be more than zero and less than 49 days"
    #expect(
      lines == [
        "ExitKit: exit handler \"limited\" (SignalWays/main.swift) \(reason)",
        "false",
        "ExitKit: exit handler \"negative\" (SignalWays/main.swift) \(reason)",
        "ExitKit: exit handler (SignalWays/main.swift) \(reason)",
        "true", "100.0 seconds", "true", "124",
      ])
    #expect(
      outcome.errors == "ExitKit: the exit deadline was not set: a deadline of -1.0 seconds is negative; "
        + "nil or zero takes a deadline away\n"
        + "ExitKit: the status on timeout was not set: 256 is not between 0 and 255\n")
  }

  @Test func `no way to register forgets the limit`() throws {
    let refused = String(repeating: "refused\n", count: 12)
    #expect(
      try run(builtProgram("SignalWays"), ["limit of nothing"])
        == Outcome(.exited(0), output: "\(refused)0 of 12 pending\n"))
  }
}

@Suite struct GivenNamesTests {
  @Test func `in a debug build a cancellation by name says once that no handler has a name`() throws {
    let line =
      "ExitKit: cancel(named: \"flush\") found nothing, and no handler was given a name: pass name: at the registration, "
      + "or cancel by the handler that atExit returns\n"
    #expect(try run(builtProgram("SignalWays"), ["no names"]) == Outcome(.exited(0), output: "0\n0\n0\n", errors: line))
    #expect(try run(builtProgram("SignalWays"), ["no names", "one name"]) == Outcome(.exited(0), output: "0\n0\n0\n"))
  }
}

@Suite struct SwiftCrashTests {
  @Test(arguments: [("trap", SIGTRAP), ("write", SIGSEGV)])
  func `a handler that crashes is named before Swift's own words`(way: String, signal: Int32) throws {
    let outcome = try run(builtProgram("SignalWays"), ["crash", way], environment: ["SWIFT_BACKTRACE": "enable=no"])
    let signals = way == "trap" ? [SIGILL, SIGTRAP] : [signal]  // by processor
    #expect(signals.map(Ending.signaled).contains(outcome.ending))
    #expect(outcome.errors.contains("ExitKit: exit handler \"bad one\" (SignalWays/main.swift:"))
  }

  @Test func `Swift's backtracer comes after the note`() throws {
    let environment = ["SWIFT_BACKTRACE": "enable=yes,color=no,interactive=no"]
    let outcome = try run(builtProgram("SignalWays"), ["crash", "write"], environment: environment)
    let words = outcome.output + outcome.errors
    #expect(outcome.ending == .signaled(SIGSEGV))
    #expect(outcome.errors.contains("ExitKit: exit handler \"bad one\""))
    #expect(words.contains("Bad pointer dereference"))
  }

  @Test func `quick_exit runs its own handlers, newest first, a failure reported`() throws {
    let outcome = try run(builtProgram("SignalWays"), ["quick"])
    #expect(outcome.ending == .exited(5))
    #expect(outcome.output == "main actor\nasync\nnewer\nolder\n")
    #expect(outcome.errors.hasPrefix("ExitKit: error in exit handler \"throws\" (SignalWays/main.swift:"))
  }
}
