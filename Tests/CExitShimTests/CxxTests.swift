// SPDX-License-Identifier: Apache-2.0
//
// CExitShim.hpp, by gcc and clang, in the standards that the header is for.

import ProcessSupport
import Testing

private let include = ["-I", "\(packageRoot)/Sources/CExitShim/include"]
private let fixtures = "\(packageRoot)/Tests/Fixtures"
private let header = "\(packageRoot)/Sources/CExitShim/include/CExitShim.hpp"

private func program(_ flags: [String] = ["g++", "-std=c++17"]) throws -> String {
  let source = "\(fixtures)/cxx.cpp", objects = try coreObjects(.plain)
  return try make("cxx", from: [source, header] + objects) {
    flags + CBuild.plain.flags + ["-Wall", "-Wextra", "-Wpedantic", "-Werror"] + include
      + ["-rdynamic", "-o", $0, source] + objects + ["-lpthread", "-ldl"]
  }
}

@Suite("C++", .enabled(if: isInstalled("g++"), "g++ is not installed")) struct CxxTests {
  // A sanitizer's core is gcc's, and clang's sanitizer is another. A thread sanitizer keeps the status from the library.
  @Test(arguments: isSanitized ? ["g++"] : ["g++", "clang++"], ["c++17", "c++20", "c++2b"])
  func `a lambda runs with its captures, which are destroyed after the run`(
    _ compiler: String, _ standard: String
  ) throws {
    let outcome = try run(program([compiler, "-std=\(standard)"]), ["captures"])
    #expect(
      outcome.output == """
        cancelled destroyed
        cancel 1 0
        by hand
        run 1 0 pending 0
        runs before its capture is destroyed
        capture destroyed
        moved
        function
        status \(isThreadSanitized ? 0 : 7)

        """)
    #expect(outcome.ending == .exited(7))
  }

  @Test func `without exceptions C++ handlers work in the same way`() throws {
    #expect(try run(program(["g++", "-std=c++17", "-fno-exceptions"]), ["captures"]).ending == .exited(7))
  }

  @Test func `a guard runs at the end of its scope, or at the exit that comes before`() throws {
    #expect(
      try run(program(), ["scope"])
        == Outcome(.exited(0), output: "dismiss 1 0\nend of scope\nother file removed\n"))
    #expect(try run(program(), ["scope left"]) == Outcome(.exited(3), output: "dismiss 1 0\nfile removed\n"))
  }

  @Test(arguments: [("failures", Int32(0)), ("failures asked", 70)])
  func `an exception is one line, the other handlers run, and the status stays`(
    _ part: String, _ status: Int32
  ) throws {
    let lines = """
      ExitKit: error in exit handler (app.cpp:14): in a guard
      ExitKit: error in exit handler (app.cpp:13): an exception that is no std::exception
      ExitKit: error in exit handler "flush" (app.cpp:12): disk [2J full

      """
    let ending = Ending.exited(isThreadSanitized ? 0 : status)  // 70 replaces a 0 that is known
    #expect(try run(program(), [part]) == Outcome(ending, output: "the others run\n", errors: lines))
  }

  @Test func `a registration that fails throws`() throws {
    #expect(try run(program(), ["refused"]) == Outcome(.exited(0), output: "refused 1\n"))
  }

  @Test(.disabled(if: isSanitized && !isThreadSanitized, "a forced unwind has no object, only a null reference"))
  func `a handler may end its thread`() throws {
    #expect(try run(program(), ["thread ends"]) == Outcome(.exited(4), output: "rest\n"))
  }

  // Both plugins bring std::system_error's constructor. A sanitized program exports none, so the second plugin uses the
  // first plugin's, and the loader keeps the first.
  @Test(.disabled(if: isSanitized, "the loader keeps the first plugin, which the second one uses"))
  func `dlclose runs a C++ plugin's own handlers`() throws {
    let source = "\(fixtures)/cxx-plugin.cpp"
    let plugins = try ["one", "two"].map { name in
      try make("\(name).so", from: [source, header]) {
        ["g++", "-std=c++17", "-O2", "-shared", "-fPIC"] + include + ["-o", $0, source]
      }
    }
    let outcome = try run(program(), ["plugin"] + plugins)
    #expect(
      outcome.output == "first plugin says goodbye\nfirst closed\nsecond plugin says goodbye\n", "\(outcome.errors)")
  }
}
