// SPDX-License-Identifier: Apache-2.0
//
// What the README shows, done as it says, outside of this package.

import ProcessSupport
import Testing

private let repository = "\(packageRoot)/.."

@Suite struct ReadmeTests {
  private let blocks: [Block]
  private let words: String

  init() throws {
    words = try contents("\(repository)/README.md")
    blocks = Block.all(in: words)
  }

  @Test
  func `a new package with the products of the README builds its Swift without a warning, and prints its transcript`()
    throws
  {
    let swift = blocks.filter { $0.language == "swift" }.map(\.text)
    let transcript = try #require(blocks.first { $0.language == "" }?.text)
    let products = swift.joined().split(separator: "\n").filter { $0.hasPrefix(".product(") }
    #expect(products.count == 3)
    let folder = "\(builtPrograms)/readme"
    let manifest = """
      // swift-tools-version: 6.2
      import PackageDescription
      let products: [Target.Dependency] = [
      \(products.joined(separator: "\n"))
      ]
      let package = Package(
        name: "App", dependencies: [.package(name: "ExitKit", path: "\(repository)")],
        targets: [
          .executableTarget(name: "App", dependencies: products),
          .executableTarget(name: "More", dependencies: products),
        ])

      """
    let before = """
      import ExitKit
      final class Connection {}
      actor Client { func shutdown() { print("shut down") } }
      let connection = Connection(), client = Client()

      """
    try write(manifest, to: "\(folder)/Package.swift")
    try write(swift[0], to: "\(folder)/Sources/App/main.swift")
    try write(before + swift[1], to: "\(folder)/Sources/More/main.swift")
    let build = ["build", "--package-path", folder, "-Xswiftc", "-warnings-as-errors"]
    let outcome = try run("swift", build, deadline: 600)
    try #require(outcome.ending == .exited(0), "\(outcome.output)\(outcome.errors)")
    let programs = try run("swift", build + ["--show-bin-path"]).output.split(separator: "\n")[0]

    let app = try run("\(programs)/App")
    #expect(app.output + app.errors == transcript)
    #expect(app.ending == .exited(0))
    #expect(try run("\(programs)/More") == Outcome(.exited(0), output: "shut down\nclosed\n"))
  }

  @Test func `a C compiler and pkg-config make a program of the README's C, after make install`() throws {
    let program = try #require(blocks.first { $0.language == "c" }?.text)
    let command = try #require(words.firstMatch(of: /`(cc [^`]*)`/)?.output.1)
    let folder = try emptyFolder("readme-c")
    let install = try run("make", ["-C", repository, "install", "PREFIX=\(folder)", "SWIFTC=", "CC=cc"], deadline: 300)
    try #require(install.ending == .exited(0), "\(install.errors)")
    try write(program, to: "\(folder)/main.c")
    let outcome = try run(
      "sh", ["-c", "cd '\(folder)' && \(command) -Wall -Wextra -Werror && ./a.out"],
      environment: ["PKG_CONFIG_PATH": "\(folder)/lib/pkgconfig", "LD_LIBRARY_PATH": "\(folder)/lib"])
    #expect(outcome == Outcome(.exited(0), output: "all done\n"))
  }
}

/// Code between fences.
private struct Block {
  let language: Substring
  let text: String

  static func all(in text: String) -> [Block] {
    let parts = text.split(separator: "```", omittingEmptySubsequences: false)
    return stride(from: 1, to: parts.count, by: 2).map { index in
      let lines = parts[index].split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
      return Block(language: lines[0], text: lines.count > 1 ? String(lines[1]) : "")
    }
  }
}
