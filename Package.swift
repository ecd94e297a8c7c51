// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

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
  ],
  targets: [
    .target(name: "CExitShim"),
    .target(name: "ExitKit", dependencies: ["CExitShim"]),
    .target(name: "ProcessSupport", path: "Tests/Support"),
    .testTarget(name: "CExitShimTests", dependencies: ["CExitShim", "ProcessSupport"]),
    program("SignalWays", ["ExitKit"]), program("AsyncSignalWays", ["ExitKit"]),
    .testTarget(name: "WaysOutTests", dependencies: ["ProcessSupport", "SignalWays", "AsyncSignalWays"]),
    .testTarget(name: "ExitKitTests", dependencies: ["ExitKit"]),
    .target(name: "CWays", path: "Tests/Programs/CWays"),
    .target(name: "Ways", dependencies: ["CExitShim", "ExitKit"], path: "Tests/Programs/Ways"),
    program("TopLevel", ["ExitKit", "Ways"]), program("SyncMain", ["ExitKit", "Ways"]),
    program("AsyncMain", ["ExitKit", "Ways"]),
    program("MainByDefault", ["ExitKit", "Ways"], [.defaultIsolation(MainActor.self)]),
    program("Cases", ["CWays", "ExitKit", "Ways"]),
    .testTarget(name: "WaysOutSwiftTests", dependencies: ["ProcessSupport"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
