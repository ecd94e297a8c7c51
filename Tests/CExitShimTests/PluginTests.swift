// SPDX-License-Identifier: Apache-2.0
//
// Shared objects: what they registered runs before they are unmapped, and in the common order until then.

import ProcessSupport
import Testing

@Suite struct PluginTests {
  private func host(_ scenario: String) throws -> Outcome {
    let another = CBuild.plugin.with { $0.flags.append("-DANOTHER") }
    return try fixture("plugin-host", [scenario, compile("plugin.c", .plugin), compile("plugin.c", another)])
  }

  @Test func `at exit the program's and the plugin's entries have one order`() throws {
    #expect(
      try host("interleaved")
        == Outcome(
          .exited(0),
          lines: "plugin early", "main 4", "main 3", "plugin 2", "main 2", "plugin 1", "main 1", "plugin late"))
  }

  @Test(unloads) func `dlclose runs the plugin's own entries, and no more`() throws {
    #expect(
      try host("closed")
        == Outcome(
          .exited(0),
          lines: "closing", "plugin 2", "plugin 1", "plugin late", "closed", "main 4", "main 3", "main 2", "main 1"))
  }

  @Test(unloads) func `dlclose cancels an entry of the plugin that is asleep`() throws {
    #expect(
      try host("asleep")
        == Outcome(.exited(0), lines: "closing", "plugin 1", "plugin releases asleep", "closed", "main"))
  }

  @Test(unloads) func `of two plugins the closed plugin runs at dlclose, the other plugin at exit`() throws {
    #expect(
      try host("two")
        == Outcome(.exited(0), lines: "closing", "plugin of the first", "closed", "plugin of the second"))
  }

  @Test(unloads) func `entries in nested and standalone stacks go with their owner`() throws {
    #expect(
      try host("nested")
        == Outcome(
          .exited(0),
          lines: "closing", "plugin nested 2", "plugin nested 1", "plugin in the module",
          "plugin in a standalone stack", "closed", "main", "main, nested 2", "main, nested 1"))
  }

  @Test(unloads, .disabled(if: isSanitized || isEmulated, "loaded elsewhere each time"))
  func `a plugin that is loaded three times at one address runs its entries each time`() throws {
    let round = ["closing", "plugin ", "closed"].map { $0 + "\n" }.joined()
    #expect(
      try host("reloaded")
        == Outcome(.exited(0), output: round + round + round + "plugin at exit\nmain, too\nmain, too\nmain\n"))
  }

  @Test(unloads) func `a plugin with 40 handlers is opened and closed twice`() throws {
    #expect(try host("forty") == Outcome(.exited(0)))
  }

  @Test func `a pinned entry keeps its plugin, and runs at exit`() throws {
    #expect(
      try host("pinned") == Outcome(.exited(0), lines: "closing", "closed", "main 2", "plugin pinned", "main 1"))
  }

  @Test(unloads) func `entries that handlers register during dlclose run before dlclose returns`() throws {
    #expect(
      try host("adding")
        == Outcome(
          .exited(0),
          lines: "closing", "plugin adds one that adds two", "plugin adds two", "plugin added 2", "plugin added 1",
          "closed"))
  }

  @Test(unloads) func `exit in a handler during dlclose finishes the plugin, then the process`() throws {
    #expect(
      try host("exiting")
        == Outcome(.exited(5), lines: "closing", "plugin exits", "plugin older", "main 2", "main 1"))
  }

  @Test(unloads) func `a handler may close a plugin`() throws {
    #expect(
      try host("closed-by-handler")
        == Outcome(.exited(0), lines: "main 2", "closing", "plugin 1", "closed", "main 1"))
  }

  // Without the wait the handler's code is unmapped while the handler is in it, and the process crashes each time.
  @Test func `dlclose waits for a handler of the plugin that runs on another thread`() throws {
    #expect(try host("closed-at-work") == Outcome(.exited(0), lines: "plugin has worked", "closed"))
  }

  @Test(unloads) func `an entry that a handler registers during dlclose runs before older entries`() throws {
    #expect(
      try host("added-first")
        == Outcome(.exited(0), lines: "closing", "plugin adds", "plugin added", "plugin older", "closed"))
  }

  @Test func `a standalone stack of a shared object is not run by exit`() throws {
    #expect(try host("standalone") == Outcome(.exited(0), lines: "leaving"))
  }

  @Test(unloads, .disabled(if: isSanitized || isEmulated, "a sanitizer and an emulator keep what was loaded"))
  func `a plugin that is loaded and unloaded 2,000 times leaves nothing behind`() throws {
    let plugin = try compile("plugin.c", .plugin)
    #expect(
      try fixture("plugin-host", ["cycles", plugin, plugin, "2000"]) == Outcome(.exited(0), lines: "grown: no", "main"))
  }

  @Test(unloads, .disabled(if: isSanitized, "a sanitizer keeps what was loaded"))
  func `unloading the core runs its stack, and no code of the core is called later`() throws {
    let build = CBuild.plain.with { $0.core = .absent }
    #expect(
      try fixture("plugin-unload", [sharedCore()], build)
        == Outcome(
          .exited(3), lines: "handler", "child: 0", "handler", "child: 1", "handler", "child: 2"))
  }

  // Unloaded, the core would wait for the end of the exit with a lock that the exit needs: a hang each time.
  @Test(.disabled(if: isSanitized, "a sanitizer keeps what was loaded"))
  func `the core stays loaded once a thread exits`() throws {
    let build = CBuild.plain.with { $0.core = .absent }
    #expect(
      try fixture("plugin-unload-exiting", [sharedCore()], build) == Outcome(.exited(4), lines: "handler"))
  }
}
