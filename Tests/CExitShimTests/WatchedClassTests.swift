// SPDX-License-Identifier: Apache-2.0
//
// Copies of the core that cannot share a stack, and each watch the same class.

import ProcessSupport
import Testing

#if arch(x86_64) || arch(arm64)
  @Suite(.disabled(if: isThreadSanitized, "clang's does not link without Swift")) struct WatchedClassTests {
    static let program = CBuild.plain.with {
      $0.compiler = "clang"
      $0.flags.append("-fvisibility=hidden")
    }

    /// Copies with different numbers do not share.
    static func plugin(_ number: Int) throws -> String {
      try compile(
        "watched-class-plugin.c",
        .plugin.with {
          $0.compiler = "clang"
          $0.core = .linked
          $0.flags.append("-DCEXIT_SHARING=\(number + 2)")
          $0.libraries = ["-Wl,-Bsymbolic"]
        })
    }

    /// A class, and no copy.
    static func bare() throws -> String {
      try compile(
        "watched-class-plugin.c",
        .plugin.with {
          $0.compiler = "clang"
          $0.flags.append("-DNO_COPY")
        })
    }

    static func run(_ steps: [String]) throws -> Outcome {
      try ProcessSupport.run(compile("watched-class.c", program), steps)
    }

    /// Lets copies take turns in finalizing objects of one class, `-`, `0` or `1`, each turn with a new object.
    private func turns(of copies: String, on owner: Character, objectsEach: Bool) throws {
      var steps = try ["open=\(Self.plugin(0))", "open=\(Self.plugin(1))"]
      var made: [[String]] = []
      for (turn, copy) in copies.enumerated() {
        if objectsEach || turn == 0 {
          steps.append("make=\(owner)")
          made.append([])
        }
        steps.append("finalize=\(copy)=\(copy)\(turn)")
        made[made.count - 1].append("\(copy)\(turn)")
        if objectsEach || turn == copies.count - 1 { steps.append("drop") }
      }
      let outcome = try Self.run(steps)
      #expect(outcome.ending == .exited(0), "\(copies) on \(owner)")
      let expected = made.map { ["deinit"] + $0.sorted() }
      let parts = outcome.output.split(separator: "\n").map(String.init)
        .split(separator: "deinit", omittingEmptySubsequences: false).dropFirst().map { ["deinit"] + $0.sorted() }
      #expect(parts == expected, "\(copies) on \(owner)")
    }

    @Test(arguments: ["-", "0", "1"] as [Character], ["-0-0", "0-0-", "01-01-", "10-0-1", "-10-01", "-0101-"])
    func `each copy's finalizers run once, after the deinit, whichever copy watches first`(
      owner: Character, copies: String
    )
      throws
    {
      try turns(of: copies, on: owner, objectsEach: true)
      try turns(of: copies, on: owner, objectsEach: false)
    }

    @Test func `a copy that watches a class stays loaded after dlclose`() throws {
      let open = try ["open=\(Self.plugin(0))", "make=-", "finalize=0=plugin", "finalize=-=program", "close=0"]
      let outcome = try Self.run(open + ["drop", "make=-", "finalize=-=program again", "drop"])
      #expect(outcome.ending == .exited(0))
      #expect(outcome.output == "deinit\nplugin\nprogram\ndeinit\nprogram again\n")
    }

    @Test func `unloading runs a plugin's finalizers, not the death of their objects`() throws {
      let plugin = try compile("watched-class-plugin.c", .plugin.with { $0.compiler = "clang" })
      let steps = ["open=\(plugin)", "make=-", "finalize=-=program", "finalize=0=plugin", "close=0", "drop"]
      #expect(try Self.run(steps) == Outcome(.exited(0), lines: "plugin", "deinit", "program"))
    }

    @Test func `a class is watched again after its shared object was unloaded and reloaded`() throws {
      let round = try [
        "open=\(Self.bare())", "make=0", "finalize=-=program", "finalize=-=once more", "drop", "close=0",
      ]
      #expect(
        try Self.run(round + round + round)
          == Outcome(.exited(0), output: String(repeating: "deinit\nonce more\nprogram\n", count: 3)))
    }
  }
#endif
