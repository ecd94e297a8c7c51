// SPDX-License-Identifier: Apache-2.0

#if AtExitMacro
  import Glibc
  import ProcessSupport
  import Testing

  /// The plugin that was built with these tests: it lies beside them.
  private let plugin = {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink("/proc/self/exe", &path, path.count)
    let tests = String(decoding: path[..<max(length, 0)].map(UInt8.init(bitPattern:)), as: UTF8.self)
    return tests[..<(tests.lastIndex(of: "/") ?? tests.startIndex)] + "/ExitKitMacros-tool"
  }()

  private func withPlugin(_ build: SwiftBuild, _ programFlags: [String] = []) -> SwiftBuild {
    var build = build
    build.plugin = String(plugin)
    build.programFlags += programFlags
    return build
  }

  @Suite struct `Programs with the attribute` {
    @Test(arguments: builds, [[], ["-default-isolation", "MainActor"], ["-strict-memory-safety"]])
    func `every kind of function runs once, newest first`(_ build: SwiftBuild, _ isolation: [String]) throws {
      let program = try compileSwift(
        ["decorator/attributes.swift", "decorator/main.swift"], withPlugin(build, isolation))
      let outcome = try run(program)
      #expect(outcome.ending == .exited(0))
      #expect(
        outcome.output.split(separator: "\n") == [
          "starting main program", "under condition", "vacuum", "Database.close", "Screen.count 5", "Screen.restore",
          "Log.Rotation.defer", "Log.Rotation.end", "Log.flush", "isolated 4", "isolated", "overloaded, asynchronous",
          "defaults 3", "status 0", "asynchronous, on the main actor", "plain", "late",
        ])
      #expect(
        outcome.errors == """
          ExitKit: error in exit handler "throwing" (Program/attributes.swift:10): DiskFull()

          """)
    }

    @Test(arguments: builds)
    func `the attribute works in main.swift, and the handler is cancelled by name`(_ build: SwiftBuild) throws {
      let program = try compileSwift(["decorator/in-main/main.swift"], withPlugin(build))
      #expect(
        try lines(program) == ["starting main program", "1 cancelled", "registered by a call", "wrote 2", "by hand"])
    }

    @Test(arguments: [SwiftBuild("-Onone"), SwiftBuild("-Onone", program: ["-wmo"]), builds[1]], [false, true])
    func `files register in the order in which they are given to the compiler`(
      _ build: SwiftBuild, _ isReversed: Bool
    ) throws {
      let files = ["decorator/library.swift", "decorator/plugin.swift"]
      let program = try compileSwift(
        (isReversed ? files.reversed() : files) + ["decorator/main.swift"], withPlugin(build))
      let library = ["library, newer", "library, older"], plugin = ["plugin, asynchronous", "plugin"]
      #expect(
        try lines(program).map(String.init)
          == ["starting main program"] + (isReversed ? library + plugin : plugin + library))
    }

    @Test func `the compiler shows a refusal where the fault is`() throws {
      let said = #expect(throws: SystemFailure.self) {
        try compileSwift(["decorator/refused.swift"], withPlugin(builds[0], ["-parse-as-library"]))
      }
      #expect(
        said?.description.split(separator: "\n").filter { $0.contains(": error: @AtExit") }.map { line in
          String(line.drop { $0 != ":" }.prefix { $0 != "@" })
        } == [":5:19: error: ", ":8:16: error: ", ":9:3: error: "])
    }

    @Test(arguments: builds.prefix(2))
    func `a library's handlers run after the program's, a plugin's when dlclose is called`(_ build: SwiftBuild) throws {
      let build = withPlugin(build)
      let exitKit = try sharedExitKit(build)
      let library = try compileSwiftLibrary("decorator/library.swift", module: "Library", build, libraries: [exitKit])
      let plugin = try compileSwiftLibrary("decorator/plugin.swift", module: "Plugin", build, libraries: [exitKit])
      let program = try compileSwift(["decorator/loader/main.swift"], build, libraries: [library, exitKit])
      let ofPlugin: [Substring] = ["plugin, asynchronous", "plugin"]
      let rest: [Substring] = ["program", "library, newer", "library, older"]
      #expect(try lines(program, plugin.library) == ["loaded"] + ofPlugin + rest)
      #expect(try lines(program, plugin.library, "close") == ["loaded"] + ofPlugin + ["closed true"] + rest)
    }
  }
#endif
