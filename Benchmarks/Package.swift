// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// `bench` prints the table, and runs the others for the rows on Swift.
let package = Package(
  name: "Benchmarks",
  dependencies: [.package(name: "ExitKit", path: "..")],
  targets: [
    .executableTarget(name: "bench", dependencies: [.product(name: "CExitShim", package: "ExitKit")]),
    .executableTarget(name: "swiftbench", dependencies: [.product(name: "ExitKit", package: "ExitKit")]),
    .executableTarget(name: "oneclosure", dependencies: [.product(name: "ExitKit", package: "ExitKit")]),
    .executableTarget(name: "nolibrary"),
    .executableTarget(name: "onehandler", dependencies: [.product(name: "CExitShim", package: "ExitKit")]),
    .executableTarget(name: "nohandler"),
    .executableTarget(name: "first", dependencies: [.product(name: "CExitFirst", package: "ExitKit")]),
    .executableTarget(
      name: "finalizers", dependencies: [.product(name: "ExitKit", package: "ExitKit")], path: "Finalizers",
      exclude: ["reference.py"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
