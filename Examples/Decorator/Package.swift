// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// A package of its own, because the trait is on for all of a package: the other examples do not build swift-syntax.
let package = Package(
  name: "Decorator",
  dependencies: [.package(name: "ExitKit", path: "../..", traits: ["AtExitMacro"])],
  targets: [
    .executableTarget(name: "decorator", dependencies: [.product(name: "ExitKit", package: "ExitKit")]),
    .executableTarget(name: "attributes", dependencies: [.product(name: "ExitKit", package: "ExitKit")]),
  ],
  swiftLanguageModes: [.v6]
)
