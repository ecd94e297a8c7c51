// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

/// The program `exitkit` is a package of its own: users of the library do not fetch what the program depends on.
let package = Package(
  name: "ExitKitTools",
  products: [.executable(name: "exitkit", targets: ["exitkit"])],
  dependencies: [.package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")],
  targets: [
    .target(name: "ExitTrace"),
    .target(name: "ProcessView", dependencies: ["ExitTrace"]),
    .executableTarget(
      name: "exitkit",
      dependencies: [
        "ExitTrace", "ProcessView", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .target(name: "ToolSupport", path: "Tests/ToolSupport"),
    .testTarget(name: "ExitTraceTests", dependencies: ["ExitTrace"]),
    .testTarget(name: "ExitKitToolTests", dependencies: ["exitkit", "ToolSupport"]),
    .testTarget(name: "ProcessViewTests", dependencies: ["ProcessView", "ToolSupport"]),
  ],
  swiftLanguageModes: [.v6]
)
