// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import CompilerPluginSupport
import PackageDescription

/// A user who does not ask for `@AtExit` neither resolves nor builds swift-syntax: its users have this condition.
let macro = "AtExitMacro"

func swiftSyntax(_ product: String) -> Target.Dependency {
  .product(name: product, package: "swift-syntax", condition: .when(traits: [macro]))
}

/// A program that tests run to its end.
func program(_ name: String, _ dependencies: [Target.Dependency], _ settings: [SwiftSetting] = []) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, path: "Tests/Programs/\(name)", swiftSettings: settings)
}

let package = Package(
  name: "ExitKit",
  products: [
    .library(name: "ExitKit", targets: ["ExitKit"]),
    .library(name: "CExitShim", targets: ["CExitShim"]),
    .library(name: "CExitOrder", targets: ["CExitOrder"]),
    .library(name: "CExitFirst", targets: ["CExitFirst"]),
  ],
  traits: [.trait(name: macro, description: "The attribute @AtExit, which registers a function without a call.")],
  dependencies: [.package(url: "https://github.com/swiftlang/swift-syntax", "600.0.1"..<"604.0.0")],
  targets: [
    .target(name: "CExitShim"),
    .target(name: "CExitOrder", dependencies: ["CExitShim"]),
    .target(name: "CExitFirst", dependencies: ["CExitShim"]),
    .target(
      name: "ExitKit", dependencies: ["CExitShim", .target(name: "ExitKitMacros", condition: .when(traits: [macro]))]),
    .macro(
      name: "ExitKitMacros", dependencies: [swiftSyntax("SwiftSyntaxMacros"), swiftSyntax("SwiftCompilerPlugin")]),
    .target(name: "ProcessSupport", path: "Tests/ProcessSupport"),
    .testTarget(name: "CExitShimTests", dependencies: ["CExitShim", "ProcessSupport"]),
    program("SignalWays", ["ExitKit"]), program("AsyncSignalWays", ["ExitKit"]),
    .testTarget(name: "ExitKitTests", dependencies: ["CExitShim", "ExitKit"]),
    .target(name: "CWays", path: "Tests/Programs/CWays"),
    .target(name: "Ways", dependencies: ["CExitShim", "ExitKit"], path: "Tests/Programs/Ways"),
    program("TopLevel", ["ExitKit", "Ways"]), program("SyncMain", ["ExitKit", "Ways"]),
    program("AsyncMain", ["ExitKit", "Ways"]),
    program("MainByDefault", ["ExitKit", "Ways"], [.defaultIsolation(MainActor.self)]),
    program("Cases", ["CExitShim", "CWays", "ExitKit", "Ways"]),
    program("CallSites", ["ExitKit"]), program("CallSitesInType", ["ExitKit"]),
    program("FirstTopLevel", ["CExitFirst", "ExitKit", "Ways"]),
    program("FirstMain", ["CExitFirst", "ExitKit", "Ways"]),
    program("FirstAsyncMain", ["CExitFirst", "ExitKit", "Ways"]),
    program("Plain", ["CWays"]), program("PlainError", []), program("ErrorInExit", ["CExitShim", "ExitKit"]),
    program("PlainAsyncError", []),
    .testTarget(
      name: "ExitKitProcessTests", dependencies: ["ExitKit", "ProcessSupport", "SignalWays", "AsyncSignalWays"]),
    .testTarget(
      name: "DecoratorTests",
      dependencies: ["ProcessSupport", "ExitKitMacros", swiftSyntax("SwiftSyntaxMacrosGenericTestSupport")]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
