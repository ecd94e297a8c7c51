// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

let package = Package(
  name: "Finalizers",
  dependencies: [.package(name: "ExitKit", path: "../..")],
  targets: [
    .executableTarget(name: "finalizers", dependencies: [.product(name: "ExitKit", package: "ExitKit")])
  ],
  swiftLanguageModes: [.v6]
)
