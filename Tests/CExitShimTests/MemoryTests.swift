// SPDX-License-Identifier: Apache-2.0
//
// No memory, memory that stays taken, and leaks that stay visible.

import ProcessSupport
import Testing

@Suite(.disabled(if: isSanitized, "these measure the plain library"))
struct MemoryTests {
  @Test(arguments: ["none", "none-for-stacks", "reserved", "generations"])
  func `holds`(promise: String) throws {
    #expect(try fixture("memory", [promise]) == Outcome(.exited(0)))
  }

  @Test func `exit needs no memory`() throws {
    #expect(try fixture("memory", ["exit"]) == Outcome(.exited(3), lines: "1000"))
  }

  @Test func `the memory of a burst is given back, and the burst's handles stay stale`() throws {
    #expect(try fixture("memory", ["burst"]) == Outcome(.exited(0)))
  }

  @Test(arguments: 1...4)
  func `storage that is given back at random gives out no handle twice`(seed: Int) throws {
    #expect(try fixture("memory", ["worn", "\(seed)"]) == Outcome(.exited(0)))
  }

  @Test func `a reservation that fails keeps no memory`() throws {
    #expect(try fixture("memory", ["refused"]) == Outcome(.exited(0)))
  }

  @Test func `pairs of register and cancel do not grow memory`() throws {
    #expect(try fixture("memory", ["churn", rounds(1_000_000)]) == Outcome(.exited(0)))
  }

  static let checked = CBuild.plain.with {
    $0.compiler = "gcc"
    $0.flags.append("-fsanitize=address")
  }
  static let leakOptions = ["LSAN_OPTIONS": "exitcode=23", "ASAN_OPTIONS": "detect_leaks=1"]

  @Test(arguments: ["cancel", "run", "clear"])
  func `a leak checker sees memory that was lost after`(how: String) throws {
    let outcome = try run(
      compile("memory.c", Self.checked), ["leaked", how], environment: Self.leakOptions)
    #expect(outcome.ending == .exited(23))
    #expect(outcome.errors.contains("3960 byte(s) leaked in 40 allocation(s)"))
  }

  @Test func `memory that only pending entries refer to is no leak`() throws {
    let outcome = try run(compile("memory.c", Self.checked), ["held"], environment: Self.leakOptions)
    #expect(outcome == Outcome(.exited(0)))
  }
}
