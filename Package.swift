// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

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
    .testTarget(name: "WaysOutTests", dependencies: ["ProcessSupport"]),
    .testTarget(name: "ExitKitTests", dependencies: ["ExitKit"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
