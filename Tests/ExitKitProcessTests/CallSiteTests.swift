// SPDX-License-Identifier: Apache-2.0

import ProcessSupport
import Testing

/// The programs are built as all the package is: in Swift 6 mode, and by `make` with every warning an error.
@Suite struct CallSiteTests {
  private static let before = ["0", "true false true", "finalized", "false 110 true"]
  private static let stacks = ["run", "my_cleanup(on a stack)", "on a stack", "3 0 0", "scope"]
  private static let object = ["Cleaning up module object", "at exit"]

  private static func handlers(_ status: Int) -> [String] {
    ["shut down", "exit Optional(\(status))", "my_cleanup(first)", "all_done()", "flush DiskFull()"]
  }

  @Test func `every form of call compiles and runs at the top level`() throws {
    let outcome = try runProgram("CallSites")
    #expect(
      outcome.lines == ["false false by hand CallSites/main.swift"] + Self.before + Self.stacks
        + ["early", Self.object[0], "Cleaning up module", Self.object[1]] + Self.handlers(3))
    #expect(outcome.errors == "")
    #expect(outcome.ending == .exited(3))
  }

  @Test func `every form of call compiles and runs in a type with an asynchronous main`() throws {
    let outcome = try runProgram("CallSitesInType")
    #expect(
      outcome.lines == ["false false by hand CallSitesInType/Tool.swift"] + Self.before + Self.stacks
        + ["shut down"] + Self.object
        + ["early", "Cleaning up module", "closed"] + Self.handlers(65))
    #expect(outcome.errors == "ExitKit: error: DiskFull()\n")
    #expect(outcome.ending == .exited(65))
  }
}
