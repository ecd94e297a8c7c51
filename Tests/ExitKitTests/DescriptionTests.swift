// SPDX-License-Identifier: Apache-2.0

import ExitKit
import Testing

/// What the values say of themselves, in `print` and in reports.
@Suite struct DescriptionTests {
  private struct DiskFull: Error {}

  @Test func `a stack says its name and how many handlers are pending`() {
    let stack = ExitStack("requests")
    stack.register {}
    #expect("\(stack)" == "exit stack \"requests\", 1 pending")
    stack.cancelAll()
    #expect("\(ExitStack())" == "exit stack, 0 pending")
    #expect("\(ExitStack.process)".hasPrefix("exit stack of the process, "))
  }

  @Test func `a description of a handler says name, place and whether the handler is pending`() {
    let stack = ExitStack()
    let handler = stack.register(name: "flush", file: "App/main.swift", line: 12) {}
    #expect("\(handler)" == "exit handler \"flush\" (App/main.swift:12), pending")
    handler.cancel()
    #expect("\(handler)" == "exit handler \"flush\" (App/main.swift:12), not pending")
  }

  @Test func `a report is a table with a line for each handler and a line with the sums`() {
    let stack = ExitStack()
    stack.onFailure { _ in }
    stack.register(name: "flush", file: "App/main.swift", line: 12) { throw DiskFull() }
    stack.register(file: "App/main.swift", line: 13) {}
    let lines = "\(stack.run())".split(separator: "\n").map { line in
      line.drop { $0 == " " || $0 == "." || $0.isNumber }
    }
    #expect(lines.prefix(2) == ["ms  (App/main.swift:13)", "ms  \"flush\" (App/main.swift:12): DiskFull()"])
    #expect(lines.count == 3)
    #expect("\(stack.run())" == "0 handlers ran in 0.000 ms, 0 failed")
  }

  @Test func `phases and signals say their names`() {
    #expect(ExitPhase.allCases.map { "\($0)" } == ["early", "normal", "late"])
    #expect("\(ExitSignal.terminate) \(ExitSignal(rawValue: 40))" == "SIGTERM signal 40")
  }

  @Test(arguments: [
    (17, "SIGCHLD does not end a process by default, so it cannot become an exit"),
    (9, "SIGKILL cannot be caught: the kernel ends or stops the process"),
    (11, "SIGSEGV reports a crash: the thread that crashed cannot go on to exit"),
    (99, "signal 99 does not exist on this system"),
  ])
  func `a signal that is refused is named, with the reason`(number: Int32, text: String) {
    let error = #expect(throws: ExitError.self) { try exitOnSignals(.terminate, ExitSignal(rawValue: number)) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.description == text)
  }

  @Test func `a negative deadline and a negative count are named`() {
    let deadline = #expect(throws: ExitError.self) { try ExitStack.process.setDeadline(.seconds(-3)) }
    #expect(deadline?.description == "a deadline of -3.0 seconds is negative; nil or zero takes a deadline away")
    let count = #expect(throws: ExitError.self) { try ExitStack.process.reserve(-1) }
    #expect(count?.description == "-1 registrations cannot be reserved: the count is negative")
  }

  @Test func `control characters of an error do not reach a terminal`() {
    struct Colourful: Error, CustomStringConvertible { let description = "red \u{1B}[31m\nbell \u{7}" }
    let failures = Locked<[String]>([])
    let stack = ExitStack()
    stack.onFailure { failure in failures.withLock { $0.append(failure.description) } }
    stack.register(name: "tab\tand\u{9B}more", file: "App/main.swift", line: 1) { throw Colourful() }
    stack.run()
    #expect(
      failures.withLock { $0 }
        == ["ExitKit: error in exit handler \"tab and?more\" (App/main.swift:1): red ?[31m bell ?"])
  }

  @Test func `a standalone stack that is dropped with pending handlers reports that`() {
    let failures = Locked<[ExitFailure]>([])
    let ran = Locked(0)
    do {
      let stack = ExitStack("requests")
      stack.onFailure { failure in failures.withLock { $0.append(failure) } }
      stack.register { ran.withLock { $0 += 1 } }
      stack.register { ran.withLock { $0 += 1 } }
    }
    let failure = failures.withLock { $0.first }
    #expect(failure?.kind == .dropped)
    #expect(failure?.name == "requests")
    #expect(
      failure?.description
        == "ExitKit: exit stack \"requests\" was dropped with 2 handlers pending, which did not run: call run() first")
    #expect(failures.withLock { $0.count } == 1)
    #expect(ran.withLock { $0 } == 0)
  }
}
