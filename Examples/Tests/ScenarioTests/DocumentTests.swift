// SPDX-License-Identifier: Apache-2.0
//
// What README and the articles show, done as they say, outside of this package and with no environment but PATH and HOME.

import Glibc
import ProcessSupport
import Testing

@Suite(.serialized) struct DocumentTests {
  private let blocks: [Block]

  init() throws { blocks = try Block.all() }

  @Test func `every block of code is tested, or states why not`() {
    for block in blocks where block.notes["not run"] == nil && block.notes["file"] == nil {
      let isKnown = ["swift", "c", "cpp", "python", "sh", "text"].contains(block.language)
      #expect(isKnown, "\(block.document):\(block.line)")
    }
  }

  @Test func `a block that does not stand alone says so in its first line`() {
    for block in blocks where block.isPart {
      let start = block.text.lines[0].prefix(22)
      #expect(["// Part of a program: ", "/* Part of a program: "].contains(start), "\(block.document):\(block.line)")
    }
  }

  @Test(arguments: [
    "AtExit", "Finalize", "ExitSignals", "ExitAfter", "WithExitStack", "AtQuickExit", "Lifetime", "ExitStack",
    "ExitHandler",
  ])
  func `each example that people look up is compiled and run`(name: String) {
    let examples = blocks.filter { $0.document.prefix { $0 != "." } == name && $0.isProgram("swift") }
    #expect(!examples.isEmpty && examples.allSatisfy { $0.notes["compiles"] == nil })
  }

  @Test func `an excerpt stands in its file`() throws {
    for block in blocks {
      guard let file = block.notes["file"]?.words.first else { continue }
      let text = try contents("\(repository)/\(file)").withoutIndentation
      #expect(text.contains(block.text.withoutIndentation), "\(block.document):\(block.line) is not in \(file)")
    }
  }

  @Test func `README's package builds all Swift without a warning, and each program prints`()
    throws
  {
    let swift = blocks.filter { $0.isProgram("swift") }
    #expect(Set(swift.map(\.name)).count == swift.count)
    let manifest = blocks.filter { $0.notes["manifest"] != nil && $0.document == "README.md" }.map(\.text).joined()
      .lines
    let products = manifest.filter { $0.hasPrefix(".product(") },
      package = manifest.filter { $0.hasPrefix(".package(") }
    try #require(package.count == 1 && products.count >= 3)
    // The manifest's path leads from the package to a copy of the repository beside it.
    let folder = try emptyFolder("documents"), app = "\(folder)/App"
    _ = try run("ln", ["-s", repository, "\(folder)/ExitKit"])
    try write(
      """
      // swift-tools-version: 6.2
      import PackageDescription
      let products: [Target.Dependency] = [
      \(products.joined(separator: "\n"))
      ]
      let package = Package(
        name: "App",
        dependencies: [
          \(package[0])
        ],
        targets: [\(swift.map { "\"\($0.name)\"" }.joined(separator: ", "))].map {
          .executableTarget(name: $0, dependencies: products)
        })

      """, to: "\(app)/Package.swift")
    for block in swift { try block.writeSwift(to: "\(app)/Sources/\(block.name)") }
    let build = ["build", "--package-path", app, "-Xswiftc", "-warnings-as-errors"]
    let outcome = try runBare("swift", build, home: folder, deadline: 900)
    try #require(outcome.ending == .exited(0), "\(outcome.output)\(outcome.errors)")
    for block in swift { try check(block, by: "\(app)/.build/debug/\(block.name)", home: folder) }
  }

  @Test(.disabled(if: lacking.contains("pkg-config"), "pkg-config is not installed"))
  func `shell, C and C++ blocks work as stated after make install, in an empty folder`() throws {
    let folder = try emptyFolder("documents-c")
    _ = try run("ln", ["-s", repository, "\(folder)/ExitKit"])
    let pkgConfig = "PKG_CONFIG_PATH=\(folder)/.local/lib/pkgconfig pkg-config"
    let install = ["-C", "\(folder)/ExitKit", "install", "PREFIX=\(folder)/.local", "SWIFTC=", "CC=gcc"]
    let installed = try runBare("make", install, home: folder, deadline: 300)
    try #require(installed.ending == .exited(0), "\(installed.errors)")
    let flags = "$(\(pkgConfig) --cflags --libs CExitShim)"
    for block in blocks {
      let program = "\(folder)/\(block.name)"
      if block.isProgram("c") {
        try write(block.program, to: "\(program).c")
        try write(block.program, to: "\(folder)/main.c")  // for the next block of shell
        let compile = "cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -o \(program) \(program).c \(flags)"
        let outcome = try runBare("sh", ["-c", compile], home: folder)
        try #require(outcome == Outcome(.exited(0)), "\(block.document):\(block.line) \(outcome.errors)")
        try check(block, by: program, home: folder)
      } else if block.isProgram("cpp"), !lacking.contains("g++") {
        try write(block.program, to: "\(program).cpp")
        let compile = "c++ -std=c++17 -Wall -Wextra -Werror -o \(program) \(program).cpp \(flags)"
        let outcome = try runBare("sh", ["-c", compile], home: folder)
        try #require(outcome == Outcome(.exited(0)), "\(block.document):\(block.line) \(outcome.errors)")
        try check(block, by: program, home: folder)
      } else if block.isProgram("sh") {
        try write("set -e\n" + block.program, to: "\(program).sh")
        let outcome = try runBare("sh", ["\(program).sh"], home: folder, deadline: 300)
        #expect(outcome.ending == block.ending, "\(block.document):\(block.line) \(outcome.output)\(outcome.errors)")
        if let transcript = block.transcript { #expect(outcome.output + outcome.errors == transcript) }
      }
    }
  }

  @Test(.enabled(if: isInstalled("python3"), "python3 is not installed"))
  func `Python blocks print the stated output`() throws {
    let folder = try emptyFolder("documents-python")
    for block in blocks where block.isProgram("python") {
      try write(block.program, to: "\(folder)/\(block.name).py")
      let outcome = try run("python3", ["\(folder)/\(block.name).py"])
      #expect(outcome.ending == block.ending, "\(block.document):\(block.line) \(outcome.errors)")
      if let transcript = block.transcript { #expect(outcome.output + outcome.errors == transcript) }
    }
  }

  @Test func `the program of Getting started builds, and cleans up when Ctrl-C is pressed`() throws {
    let folder = try emptyFolder("documents-start")
    _ = try run("ln", ["-s", repository, "\(folder)/ExitKit"])
    for block in blocks {
      if let path = block.notes["writes"]?.words.first { try write(block.text, to: "\(folder)/\(path)") }
    }
    let build = try runBare("swift", ["build", "--package-path", "hello"], home: folder, deadline: 600)
    try #require(build.ending == .exited(0), "\(build.output)\(build.errors)")
    let program = try ChildProcess("env", ["-i", "\(folder)/hello/.build/debug/hello"])
    #expect(program.waitForOutput("working"))
    program.send(SIGINT)
    let transcript = try #require(blocks.first { $0.document == "GettingStarted.md" && $0.language == "text" })
    #expect(program.finish() == Outcome(.signaled(SIGINT), output: transcript.text))
  }

  private func check(_ block: Block, by program: String, home: String) throws {
    guard block.notes["compiles"] == nil else { return }
    let outcome = try runBare(program, [], home: home)
    #expect(outcome.ending == block.ending, "\(block.document):\(block.line) \(outcome.output)\(outcome.errors)")
    if let transcript = block.transcript {
      #expect(outcome.output + outcome.errors == transcript, "\(block.document):\(block.line)")
    }
  }
}

/// Runs a program with PATH and HOME alone, in the folder HOME.
private func runBare(
  _ program: String, _ arguments: [String], home: String, deadline: Double = 60
) throws -> Outcome {
  let path = try run("sh", ["-c", "printf %s \"$PATH\""]).output
  let start = ["-i", "-C", home, "PATH=\(path)", "HOME=\(home)", program]
  return try run("env", start + arguments, deadline: deadline)
}

extension String {
  fileprivate var words: [Substring] { split { $0.isWhitespace } }

  fileprivate var withoutIndentation: String {
    lines.map { $0.drop { $0 == " " } }.filter { !$0.isEmpty }.joined(separator: "\n")
  }
}
