// SPDX-License-Identifier: Apache-2.0
//
// Every order of two and of three threads through the yield points of the core, with a bound on preemptions. 4,000 orders
// take two seconds. EXITKIT_STRESS, where set, allows one preemption more: 70,000 orders.

import ProcessSupport
import Testing

@Suite(.disabled(if: isSanitized, "threads of the sanitizer's own take no part"))
struct ScheduleTests {
  static let build = CBuild.plain.with { $0.flags += ["-DCEXIT_SCHEDULE"] }

  static func orders(_ arguments: String..., build: CBuild = build) throws -> Outcome {
    try run(compile("schedule.c", build), arguments, deadline: 600)
  }

  /// Two threads have fewer orders than three.
  static let preemptions = [
    "registers": 2, "registers-door": 2, "cancels": 2, "exits": 1, "door-exits": 1, "doors": 1, "cancels-door": 1,
  ]

  /// A thread that waits for the lock in libc's own exit gives no other thread its turn: the fixture's lock does.
  @Test(
    .disabled(if: libcHangsLate, "a thread that waits in atexit gives no other thread its turn"),
    arguments: preemptions.keys.sorted(), libcLocksExit ? ["locked "] : ["", "locked "])
  func `in every order accepted entries run once or are cancelled`(
    threads: String, libc: String
  ) throws {
    let outcome = try Self.orders(libc + threads, "\(Self.preemptions[threads]! + (stress > 1 ? 1 : 0))")
    #expect(outcome.output.hasSuffix(" orders, all right\n"))
    #expect(outcome.ending == .exited(0))
  }

  @Test(.disabled(if: isMusl, "there the last act runs what the slots have missed, and nothing is lost"))
  func `the old fault of slots noted too late is found, and its order can be replayed`() throws {
    let faulty = Self.build.with { $0.flags += ["-DCEXIT_FAULT_NOTED_LATE"] }
    let found = try Self.orders("registers", "3", build: faulty)
    let lines = found.output.split(separator: "\n")
    #expect(found.ending == .exited(1))
    #expect(lines.contains("entry 1: accepted 1, cancelled 0, ran 0"))

    let choices = try #require(lines.last?.split(separator: " ").last)
    let again = try Self.orders("registers", "3", String(choices), build: faulty)
    #expect(again.ending == .exited(1))
    #expect(again.output.split(separator: "\n") == Array(lines.dropFirst()))
    #expect(try Self.orders("registers", "3", String(choices)).ending == .exited(0))
  }
}
