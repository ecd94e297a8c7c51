// SPDX-License-Identifier: Apache-2.0
//
// Swift plugins: with the program's copy of the library, and with a copy of their own.

import ProcessSupport
import Testing

@Suite struct UnloadTests {
  /// The program and the plugin.
  private func build(isShared: Bool) throws -> [String] {
    let build = SwiftBuild("-Onone")
    let libraries = isShared ? [try sharedExitKit(build)] : []
    return [
      try compileSwift(["unload-host.swift"], build, libraries: libraries),
      try compileSwiftLibrary("unload-plugin.swift", module: "Plugin", build, libraries: libraries).library,
    ]
  }

  /// Without the wait for the pool, 5 of 20 runs crashed; with an observer left in the program's copy, each with two copies.
  @Test(arguments: [true, false])
  func `dlclose runs a plugin's asynchronous handlers, and then unmaps its code`(
    isShared: Bool
  ) throws {
    let words = try build(isShared: isShared)
    let expected = ["asynchronous", "unload, no status", "closed", "program, asynchronous", "program"]
    for _ in 0..<16 {
      let outcome = try run(words[0], [words[1]], environment: quiet)
      #expect(outcome == Outcome(.exited(0), output: expected.map { $0 + "\n" }.joined()))
    }
  }

  @Test(arguments: [true, false])
  func `statusOnFailure and the grace period hold for the handlers of all copies`(isShared: Bool) throws {
    let words = try build(isShared: isShared)
    let outcome = try run(words[0], [words[1], "stay"], environment: quiet)
    #expect(outcome.ending == .exited(70))
    #expect(outcome.lines == ["grace period 7", "program, asynchronous", "program"])
    #expect(outcome.reports == ["ExitKit: error in exit handler (Plugin/unload-plugin.swift): Failure()"])
  }
}
