// SPDX-License-Identifier: Apache-2.0
//
// The configurations that clients have: none may show an error or a warning.

import ProcessSupport
import Testing

/// What a client gives to the compiler.
struct Configuration: CustomStringConvertible, Sendable {
  let flags: [String]

  init(_ flags: String..., upcoming: String...) {
    self.flags = flags + upcoming.flatMap { ["-enable-upcoming-feature", $0] }
  }

  var description: String { flags.joined(separator: " ") }

  static let all = [
    Configuration("-swift-version", "6"),
    Configuration("-swift-version", "6", "-default-isolation", "MainActor"),
    Configuration("-swift-version", "6", "-strict-memory-safety"),
    Configuration("-swift-version", "6", "-cxx-interoperability-mode=default"),
    Configuration("-swift-version", "6", "-Ounchecked"),
    Configuration("-swift-version", "6", "-static-stdlib"),
    Configuration("-swift-version", "6", upcoming: "NonisolatedNonsendingByDefault"),
    Configuration(
      "-swift-version", "6", "-default-isolation", "MainActor",
      upcoming: "ExistentialAny", "InternalImportsByDefault", "MemberImportVisibility",
      "NonisolatedNonsendingByDefault", "InferIsolatedConformances"),
    Configuration("-swift-version", "6", "-enable-library-evolution", upcoming: "InternalImportsByDefault"),
    Configuration("-swift-version", "6", "-enable-library-evolution", "-D", "IMPORTED_INTERNALLY"),
    Configuration("-swift-version", "5", "-D", "WITHOUT_FUNCTIONS_BY_NAME"),
    Configuration("-swift-version", "5", "-strict-concurrency=complete", "-D", "WITHOUT_FUNCTIONS_BY_NAME"),
    Configuration("-swift-version", "5", "-strict-concurrency=minimal", "-D", "WITHOUT_FUNCTIONS_BY_NAME"),
    // Without this feature the compiler warns in Swift 5 mode of every function that is given by its name, and of nothing else.
    Configuration("-swift-version", "5", upcoming: "InferSendableFromCaptures"),
    Configuration("-swift-version", "5", "-strict-concurrency=complete", upcoming: "InferSendableFromCaptures"),
    Configuration("-swift-version", "5", "-strict-concurrency=minimal", upcoming: "InferSendableFromCaptures"),
  ]
}

@Suite struct ClientTests {
  private func compile(_ words: [String]) throws -> Outcome {
    try run(
      "swiftc",
      [
        "-emit-sil", "-o", "/dev/null", "-parse-as-library", "-warnings-as-errors", "-I", "\(builtPrograms)/Modules",
        "-Xcc", "-fmodule-map-file=\(packageRoot)/Sources/CExitShim/include/module.modulemap",
      ] + words)
  }

  @Test(arguments: Configuration.all)
  func `a client compiles without an error and without a warning`(_ configuration: Configuration) throws {
    let outcome = try compile(configuration.flags + ["\(packageRoot)/Tests/Fixtures/client.swift"])
    #expect(outcome == Outcome(.exited(0)))
  }

  @Test func `with library evolution the compiler refuses a public import and nothing else`() throws {
    let words = ["-swift-version", "6", "-enable-library-evolution", "-diagnostic-style", "llvm"]
    let outcome = try compile(words + ["\(packageRoot)/Tests/Fixtures/client.swift"])
    let errors = outcome.errors.split(separator: "\n").filter { $0.contains(": error: ") }
    #expect(errors.count == 1 && errors[0].contains("module 'ExitKit' was not compiled with library evolution support"))
  }

  @Test func `the attribute without its trait names the trait`() throws {
    let file = "\(try emptyFolder("attribute"))/tool.swift"
    try write("import ExitKit\n@AtExit func clean() {}\n", to: file)
    let outcome = try compile(["-swift-version", "6", "-diagnostic-style", "llvm", file])
    let errors = outcome.errors.split(separator: "\n").filter { $0.contains(": error: ") }
    #expect(errors.allSatisfy { $0.contains("@AtExit needs the trait AtExitMacro") } && !errors.isEmpty)
  }
}
