// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// A program that tests run to its end.
func fixture(_ name: String, _ settings: [SwiftSetting] = []) -> Target {
  .executableTarget(
    name: name, dependencies: ["CWays", "ExitKit", "Ways"], path: "Tests/Fixtures/\(name)", swiftSettings: settings)
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
    .executableTarget(name: "SignalWays", dependencies: ["ExitKit"], path: "Tests/Programs/SignalWays"),
    .executableTarget(name: "AsyncSignalWays", dependencies: ["ExitKit"], path: "Tests/Programs/AsyncSignalWays"),
    .testTarget(name: "WaysOutTests", dependencies: ["ProcessSupport", "SignalWays", "AsyncSignalWays"]),
    .testTarget(name: "ExitKitTests", dependencies: ["ExitKit"]),
    .target(name: "CWays", path: "Tests/Fixtures/CWays"),
    .target(name: "Ways", dependencies: ["CExitShim", "ExitKit"], path: "Tests/Fixtures/Ways"),
    fixture("TopLevel"), fixture("SyncMain"), fixture("AsyncMain"), fixture("Cases"),
    fixture("MainByDefault", [.defaultIsolation(MainActor.self)]),
    .testTarget(name: "WaysOutSwiftTests", dependencies: ["ProcessSupport"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
