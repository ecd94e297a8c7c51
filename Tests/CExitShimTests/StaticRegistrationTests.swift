// SPDX-License-Identifier: Apache-2.0

import ProcessSupport
import Testing

private let fixtures = "\(packageRoot)/Tests/Fixtures"
private let include = "\(packageRoot)/Sources/CExitShim/include"
private let other = "\(fixtures)/static-registration-other.c"

/// How programs are linked of which nothing that is used may go missing, nor change its place.
private let builds: [CBuild] = ["cc", "clang"].flatMap { compiler in
  [["-O0"], ["-O2", "-ffunction-sections", "-fdata-sections"], ["-O2", "-flto"]].map { flags in
    CBuild.plain.with {
      $0.compiler = compiler
      $0.programFlags = flags
      $0.libraries = ["-Wl,--gc-sections"] + (compiler == "clang" ? ["-fuse-ld=lld"] : [])
    }
  }
}

private func lines(_ program: String, _ arguments: String...) throws -> [Substring] {
  let outcome = try run(program, arguments)
  #expect(outcome.ending == .exited(0))
  #expect(outcome.errors == "")
  return outcome.output.split(separator: "\n")
}

@Suite(.disabled(if: isSanitized, "these are builds of their own"))
struct `Registration in C without a call` {
  @Test(arguments: builds)
  func `the handlers of a file run from its last line to its first`(_ build: CBuild) throws {
    let program = try compile("static-registration.c", build)
    #expect(try lines(program) == ["main", "second", "first"])
  }

  @Test(arguments: builds)
  func `files register in the order in which they are linked`(_ build: CBuild) throws {
    let program = try compile("static-registration.c", build.with { $0.libraries.append(other) })
    #expect(try lines(program) == ["main", "fourth", "third", "second", "first", "finalized"])
  }

  @Test(needsCxx) func `the macros that register before main compile as C++, too`() throws {
    let build = CBuild.plain.with { $0.flags += ["-x", "c++", "-std=c++17", "-Wno-missing-field-initializers"] }
    let source = "\(fixtures)/static-registration.c"
    let objects = try coreObjects(.plain)
    let program = try make("static-program", from: [source, "\(fixtures)/fixture.h"] + objects) {
      ["g++", "-I", include] + build.flags + ["-Wall", "-Wextra", "-Werror", source]
        + ["-x", "none", "-o", $0] + objects
    }
    #expect(try lines(program) == ["main", "second", "first"])
  }

  @Test func `a static registration can be undone by its function`() throws {
    let program = try compile("static-registration.c", CBuild.plain.with { $0.programFlags = ["-DUNREGISTERS"] })
    #expect(try lines(program) == ["unregistered 1", "main", "first"])
  }

  @Test func `a needed library's handlers run after the program's, at the library's end`() throws {
    let core = try sharedCore()
    let library = try make("libother.so", from: [other, core]) {
      ["cc", "-std=c11", "-D_GNU_SOURCE", "-I", include, "-fPIC", "-shared"]
        + ["-o", $0, other, core]
    }
    let program = try compile(
      "static-registration.c",
      CBuild.plain.with {
        $0.core = .absent
        $0.programFlags = ["-DREFERS"]
        $0.libraries = [library, core]
      })
    #expect(try lines(program) == ["main", "second", "first", "finalized", "fourth", "third"])
  }

  @Test(arguments: ["cc", "clang"])
  func `dlclose runs a plugin's static registrations`(_ compiler: String) throws {
    let program = try compile("static-registration.c", CBuild.plain.with { $0.compiler = compiler })
    let plugin = try compile("static-registration-other.c", CBuild.plugin.with { $0.compiler = compiler })
    #expect(
      try lines(program, plugin) == [
        "main", "loaded", "finalized", "fourth", "third", "closed", "second", "first",
      ])
  }

  @Test func `a registration that gets no memory says so on stderr, and other handlers run`() throws {
    let outcome = try run(try compile("static-registration-scarce.c"))
    #expect(outcome.ending == .exited(0))
    #expect(outcome.output == String(repeating: "ran\n", count: 32))
    #expect(outcome.errors == String(repeating: "ExitKit: cannot run flush at exit\n", count: 8))
  }

  @Test func `of an archive only members that the program refers to register`() throws {
    #expect(try linesWithArchive() == ["main", "second", "first"])
    let all: [Substring] = ["main", "fourth", "third", "second", "first", "finalized"]
    #expect(try linesWithArchive("-DREFERS") == all)
    #expect(try linesWithArchive("-Wl,--undefined=referred") == all)
    #expect(try linesWithArchive(whole: true) == all)
  }
}

private func linesWithArchive(_ flags: String..., whole: Bool = false) throws -> [Substring] {
  let member = try make("static-other.o", from: [other, "\(fixtures)/fixture.h"]) {
    ["cc", "-std=c11", "-D_GNU_SOURCE", "-I", include, "-c", "-o", $0, other]
  }
  let archive = try make("libother.a", from: [member]) { ["ar", "rcs", $0, member] }
  let program = try compile(
    "static-registration.c",
    CBuild.plain.with {
      $0.programFlags = flags
      $0.libraries = whole ? ["-Wl,--whole-archive", archive, "-Wl,--no-whole-archive"] : [archive]
    })
  return try lines(program)
}
