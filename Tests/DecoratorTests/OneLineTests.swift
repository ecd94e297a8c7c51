// SPDX-License-Identifier: Apache-2.0

import ProcessSupport
import Testing

/// How programs are built of which a registration that nobody refers to must not go missing.
let builds = [
  SwiftBuild("-Onone"),
  SwiftBuild("-O", "-wmo", "-cross-module-optimization"),
  SwiftBuild("-O", "-wmo", "-cross-module-optimization", program: ["-static-stdlib", "-Xlinker", "--gc-sections"]),
]

func lines(_ program: String, _ arguments: String...) throws -> [Substring] {
  let outcome = try run(program, arguments)
  #expect(outcome.ending == .exited(0))
  #expect(outcome.errors == "")
  return outcome.output.split(separator: "\n")
}

@Suite struct `Registration in one line without a macro` {
  @Test(arguments: builds, [[], ["-default-isolation", "MainActor"]])
  func `a constant in the loader's list registers before main`(_ build: SwiftBuild, _ isolation: [String]) throws {
    var build = build
    build.programFlags += isolation
    let program = try compileSwift(["decorator/one-line.swift", "decorator/main.swift"], build)
    #expect(try lines(program) == ["starting main program", "all_done()", "flush"])
  }
}
