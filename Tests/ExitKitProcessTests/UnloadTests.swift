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
  func `onFailure hears of failures in all copies; a copy's own reporter goes first`(
    isShared: Bool
  ) throws {
    let words = try build(isShared: isShared)
    func lines(_ how: String...) throws -> [String] {
      let outcome = try run(words[0], [words[1], "report"] + how, environment: quiet)
      #expect(outcome.ending == .exited(0))
      #expect(outcome.lines.suffix(2) == ["program, asynchronous", "program"])
      return outcome.lines.dropLast(2) + outcome.reports
    }
    let own = "handler program's own (Program/unload-host.swift): CancellationError()"
    let names = ["finalizer thing", "handler nested", "handler plain"]
    let plugins = names.map { "\($0) (Plugin/unload-plugin.swift): Failure()" }
    #expect(try lines() == ([own] + plugins).map { "program: \($0)" })
    #expect(
      try lines("both")
        == (isShared
          ? ["plugin: program's own", "plugin: thing", "plugin: nested", "plugin: plain"]
          : ["program: \(own)", "plugin: thing", "plugin: nested", "plugin: plain"]))
    let removed = try lines("removed")
    #expect(removed.count == 4 && removed.allSatisfy { $0.hasPrefix("ExitKit: error in ") })
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
