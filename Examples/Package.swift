// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

let exitKit = Target.Dependency.product(name: "ExitKit", package: "ExitKit")
let cExitShim = Target.Dependency.product(name: "CExitShim", package: "ExitKit")

/// The Swift and the C version of one scenario: programs NAME-swift and NAME-c.
func scenario(_ name: String, at directory: String, inC: Bool = true) -> [Target] {
  let swift = Target.executableTarget(
    name: "\(name)-swift", dependencies: [exitKit, cExitShim], path: "Scenarios/\(directory)/swift")
  let c = Target.executableTarget(name: "\(name)-c", dependencies: [cExitShim], path: "Scenarios/\(directory)/c")
  return inC ? [swift, c] : [swift]
}

let scenarios: [[Target]] = [
  scenario("return", at: "01-return"),
  scenario("arguments", at: "02-arguments"),
  scenario("cancel", at: "04-cancel"),
  scenario("cancel-unknown", at: "05-cancel-unknown"),
  scenario("signal", at: "06-signal"),
  scenario("underscore-exit", at: "07-underscore-exit"),
  scenario("exit", at: "08-exit"),
  scenario("throwing", at: "09-throwing", inC: false),
]

/// The tools that this machine lacks: an example that needs such a tool is not built.
let lacking = Context.environment["EXITKIT_WITHOUT"] ?? ""

let database: [Target] =
  lacking.contains("sqlite3")
  ? []
  : [
    .systemLibrary(
      name: "CSQLite", path: "SQLite/CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .target(name: "CDatabase", dependencies: ["CSQLite", cExitShim], path: "SQLite/c"),
    .executableTarget(name: "sqlite", dependencies: [exitKit, "CDatabase", "CSQLite"], path: "SQLite/swift"),
  ]

let package = Package(
  name: "Examples",
  dependencies: [.package(name: "ExitKit", path: "..")],
  targets: scenarios.flatMap { $0 } + database + [
    .target(name: "Module", dependencies: [exitKit], path: "Scenarios/10-module/library"),
    .target(name: "LateModule", dependencies: [exitKit], path: "Scenarios/10-module/late"),
    .executableTarget(name: "module-program", dependencies: [exitKit, "Module"], path: "Scenarios/10-module/swift"),
    .executableTarget(
      name: "late-module-program", dependencies: [exitKit, "LateModule"], path: "Scenarios/10-module/swift-late"),
    .target(name: "MixedC", dependencies: [cExitShim], path: "Scenarios/11-mixed/c"),
    .executableTarget(name: "mixed", dependencies: [exitKit, "MixedC"], path: "Scenarios/11-mixed/swift"),
    .target(name: "Greeter", dependencies: [exitKit], path: "Scenarios/12-c-main/library"),
    .executableTarget(name: "c-main", dependencies: [cExitShim, "Greeter"], path: "Scenarios/12-c-main/c"),
    // The same sources as in the package above, where no product shows them to its users.
    .target(name: "ProcessSupport", path: "Tests/ProcessSupport"),
    .testTarget(name: "ScenarioTests", dependencies: ["ProcessSupport"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
