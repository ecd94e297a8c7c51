// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// ExitKit beside the packages that real programs use. A package of its own, because building these takes minutes: nothing but
// `make test-integration` builds it.
let exitKit = Target.Dependency.product(name: "ExitKit", package: "ExitKit")

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: [exitKit] + dependencies)
}

let package = Package(
  name: "Integration",
  dependencies: [
    .package(name: "ExitKit", path: "../.."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
  ],
  targets: [
    program("group", [.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")]),
    program("tool-sync", [.product(name: "ArgumentParser", package: "swift-argument-parser")]),
    program("tool-async", [.product(name: "ArgumentParser", package: "swift-argument-parser")]),
    program("web", [.product(name: "Hummingbird", package: "hummingbird")]),
    program(
      "fox",
      [.product(name: "FlyingFox", package: "FlyingFox"), .product(name: "FlyingSocks", package: "FlyingFox")]),
    program("fetch", [.product(name: "AsyncHTTPClient", package: "async-http-client")]),
    program("notes", [.product(name: "GRDB", package: "GRDB.swift")]),
    program("log", [.product(name: "Logging", package: "swift-log")]),
    program("children", [.product(name: "Subprocess", package: "swift-subprocess")]),
    // The same sources as in the package above.
    .target(name: "ProcessSupport", path: "Tests/ProcessSupport"),
    .testTarget(name: "IntegrationTests", dependencies: ["ProcessSupport"]),
  ],
  swiftLanguageModes: [.v6]
)
