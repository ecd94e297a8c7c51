// SPDX-License-Identifier: Apache-2.0
//
// CPython's tests of `atexit` (test_atexit.py, _test_atexit.py, and the tests of 3.6), written for ExitKit's Swift:
// cases 1 to 22 and 31 to 34. The cases 23 to 30, of `weakref.finalize`, are in FinalizerTests and FinalizerExitTests.
// The comment in front of a test names its case.
//
// Tested in other files:
// - 6 test_stress, 7 test_clear, 14 test_shutdown, 22 test_atexit_with_low_memory: in C, StackTests, OrderTests and
//   MemoryTests; the last in Swift, too: *handlers run without any memory* in ExitTests.
// - 8 test_unregister: *handlers are cancelled by name, in nested stacks too* in ExitStackTests.
// - 5 and 34 test_exit: *an exit in a manual run ends the process, after all other handlers* in ExitTests.
//   In CPython `exit` is an error that the run raises. In ExitKit `exit` ends the process and still runs every handler.
// - 15 test_atexit_instances: *a program and its plugin have one order, whichever registers first* in CopyTests; C and Swift in
//   one order are in SwiftWaysOutTests.
// - 17 test_thread_created_in_atexit, for a thread: *a handler may start and join a thread* in CWaysOutTests.
// - 21 test_callback_on_subinterpreter_teardown: *a scope runs its handlers on the way out and gives the result* in
//   ExitStackRunTests. In place of an interpreter a scope ends while the process lives on.
//
// Without a meaning for ExitKit:
// - 4 test_raise_unnormalized: the runtime raises no errors of its own; a division by zero traps.
// - 13 test_general runs the other cases in a child, so that they have a list of handlers of their own. An `ExitStack` is
//   such a list.
// - 18 test_thread_created_in_atexit_subinterpreter: Swift has no interpreters, and the thread is case 17.

import ExitKit
import ProcessSupport
import Synchronization
import Testing

private final class Log: Sendable {
  private let lines = Mutex<[String]>([])
  var all: [String] { lines.withLock { $0 } }
  func note(_ line: String) { lines.withLock { $0.append(line) } }
}

/// Calls `action` when the last reference goes.
private final class Trigger: Sendable {
  let action: @Sendable () -> Void
  init(_ action: @escaping @Sendable () -> Void) { self.action = action }
  deinit { action() }
}

private final class Handlers: Sendable {
  private let all = Mutex<[ExitHandler]>([])
  func append(_ handler: ExitHandler) { all.withLock { $0.append(handler) } }
  subscript(index: Int) -> ExitHandler { all.withLock { $0[index] } }
}

private struct Failed: Error {}

@Suite struct PythonCasesTests {
  private let log = Log()
  private let stack = ExitStack("registry")

  // 1 test_order, 31 test_args
  @Test func `handlers are called newest first, each with its own arguments`() throws {
    @Sendable func note(_ numbers: [Int], _ labelled: [String: String]) { log.note("\(numbers) \(labelled)") }
    stack.register(note, [1, 2], [:])
    stack.register { note([], [:]) }
    stack.register(note, [3], ["label": "x"])
    stack.run()
    #expect(log.all == [#"[3] ["label": "x"]"#, "[] [:]", "[1, 2] [:]"])
    #expect(try runProgram("Cases", "arguments").lines == [#"h4 [4] ["kw": "abc"]"#, "h4 [] [:]", "h1"])
  }

  // 2 test_badargs
  @Test func `wrong arguments are found when compiling`() throws {
    let source = """
      import ExitKit
      func function(_ number: Int) {}
      func none() {}
      """
    #expect(try diagnose("arguments", source + "\natExit(function, 1)\natExit(none)\n") == Outcome(.exited(0)))
    for (name, call) in [
      ("none", "atExit(none, 1, 2)"), ("few", "atExit(function)"), ("type", #"atExit(function, "1")"#),
    ] {
      let outcome = try diagnose("arguments-\(name)", "\(source)\n\(call)\n")
      #expect(outcome.ending == .exited(1))
      #expect(outcome.errors.contains("main.swift:4:"))
    }
  }

  // 3 test_raise; 32 test_raise and 33 test_print_tracebacks of 3.6
  @Test func `each error is reported once, with its type and the line of its own handler`() {
    stack.onFailure { [log] in log.note("\($0.error is Failed) \($0.location?.line ?? 0)") }
    let line = #line
    stack.register { throw Failed() }
    stack.register { throw Failed() }
    stack.register(name: "third") { throw Failed() }
    let report = stack.run()
    #expect(log.all == [3, 2, 1].map { "true \(line + $0)" })
    #expect(report.failures.map { $0.location?.line } == [3, 2, 1].map { UInt(line + $0) })
    #expect(report.failures.first?.name == "third")
  }

  // 9 test_bound_methods
  @Test func `a method is a handler, and cancelling after the run changes nothing`() {
    let handler = stack.register(name: "append", log.note, "5")
    stack.run()
    #expect(!handler.cancel())
    #expect(stack.cancel(named: "append") == 0)
    stack.run()
    #expect(log.all == ["5"])
  }

  // 10 test_atexit_with_unregistered_function
  @Test func `a handler that cancels itself and throws is reported with its name`() {
    stack.onFailure { [log] in log.note("\($0.name ?? "") \($0.error is Failed)") }
    stack.register(name: "itself") { [stack] in
      #expect(stack.cancel(named: "itself") == 0)
      throw Failed()
    }
    stack.run()
    #expect(log.all == ["itself true"])
    #expect(stack.cancel(named: "itself") == 0)
  }

  // 12 test_eq_unregister: ExitKit compares no functions. In place of a comparison with side effects the test has a
  // capture whose deinit has side effects.
  @Test(arguments: [(0, ["3"]), (1, ["3", "1"]), (2, ["1"])])
  func `a release that cancels another handler cancels and skips no third handler`(
    other: Int, expected: [String]
  ) {
    let registered = Handlers()
    for number in 1...3 {
      let trigger = number == 2 ? Trigger { registered[other].cancel() } : nil
      let handler = stack.register { [log] in
        withExtendedLifetime(trigger) { log.note("\(number)") }
      }
      registered.append(handler)
    }
    #expect(registered[1].cancel())
    stack.run()
    #expect(log.all == expected)
  }

  // 11 test_eq_unregister_clear: the same
  @Test func `a release that clears the stack leaves a stack that works`() {
    stack.register { log.note("older") }
    let trigger = { [stack] in Trigger { stack.cancelAll() } }
    let handler = stack.register { [trigger = trigger()] in withExtendedLifetime(trigger) {} }
    stack.register { log.note("newer") }
    #expect(handler.cancel())
    #expect(stack.count == 0)
    stack.register { log.note("after") }
    stack.run()
    #expect(log.all == ["after"])
  }

  // 16 test_atexit_thread_safety
  @Test func `ten threads that register, clear and cancel break nothing`() async {
    await withTaskGroup { group in
      for _ in 0..<10 {
        group.addTask {
          for _ in 0..<100 {
            stack.register {}
            stack.cancelAll()
            stack.register(name: "own") {}.cancel()
            stack.register {}
            stack.cancel(named: "own")
          }
        }
      }
    }
    stack.cancelAll()
    stack.register { log.note("still works") }
    #expect(stack.run().records.count == 1)
    #expect(log.all == ["still works"])
  }

  // 17 test_thread_created_in_atexit, with a task in place of the thread: the handler awaits its task.
  @Test func `a task that a handler starts and awaits comes to its end`() throws {
    #expect(try runProgram("Cases", "a handler starts a task") == Outcome(.exited(0), output: "task\n"))
  }

  // 19 test_callbacks_leak, 20 test_callbacks_leak_refcycle: the end of a stack stands for the end of an interpreter.
  @Test func `the end of a stack releases captures, and a run ends a cycle through the stack`() {
    let trigger = { [log] in Trigger { log.note("released") } }
    do {
      let inner = ExitStack()
      inner.register { [trigger = trigger()] in withExtendedLifetime(trigger) {} }
    }
    #expect(log.all == ["released"])
    let cycle = ExitStack()
    cycle.register { [trigger = trigger()] in withExtendedLifetime((cycle, trigger)) {} }
    cycle.run()
    #expect(log.all == ["released", "released"])
  }
}
