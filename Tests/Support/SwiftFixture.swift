// SPDX-License-Identifier: Apache-2.0

import Glibc

/// How a Swift program of `Tests/Fixtures` is compiled, and the library with it, without the package manager: it would
/// build all there is for each of these.
public struct SwiftBuild: Hashable, Sendable, CustomStringConvertible {
  public var flags: [String]
  /// Added for the program alone.
  public var programFlags: [String]
  /// How the C core is compiled that goes with it.
  public var core = CBuild.plain
  /// Objects to link besides.
  public var objects: [String] = []
  /// The plugin that `@AtExit` asks, where the trait is on.
  public var plugin: String?

  public init(_ flags: String..., program: [String] = []) {
    self.flags = flags
    self.programFlags = program
  }

  public var description: String { (flags + programFlags).joined(separator: " ") }

  fileprivate func compiler(_ modules: [String]) -> [String] {
    let map = "\(packageRoot)/Sources/CExitShim/include/module.modulemap"
    let macros = plugin.map { ["-D", "AtExitMacro", "-load-plugin-executable", "\($0)#ExitKitMacros"] } ?? []
    let search = modules.flatMap { ["-I", folder(of: $0)] }
    return ["swiftc", "-swift-version", "6", "-Xcc", "-fmodule-map-file=\(map)", "-warnings-as-errors"] + macros
      + search
  }

  /// What every compilation depends on besides its own sources.
  fileprivate func inputs() throws -> [String] {
    try files(in: "Sources/CExitShim/include", ".h") + files(in: "Sources/CExitShim/include", ".modulemap")
      + (plugin == nil ? [] : files(in: "Sources/ExitKitMacros", ".swift"))
  }
}

/// The files of a folder of this package and of the folders in it, but for a documentation catalogue.
private func files(in folder: String, _ ending: String) throws -> [String] {
  try filesIn("\(packageRoot)/\(folder)").flatMap { name -> [String] in
    if name.hasSuffix(ending) { return ["\(packageRoot)/\(folder)/\(name)"] }
    return name.contains(".") ? [] : try files(in: "\(folder)/\(name)", ending)
  }
}

/// A Swift module, and the object or the shared object that it was compiled to.
public struct SwiftModule: Sendable {
  public let interface: String
  public let library: String
}

private func folder(of path: String) -> String { String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) }

/// Compiles to `product`, with the module's interface beside it.
private func makeModule(
  _ module: String, product: String, from inputs: [String], _ words: [String]
) throws -> SwiftModule {
  let interface = "/\(module).swiftmodule"
  let product = try make(product, from: inputs) {
    words + ["-module-name", module, "-emit-module", "-emit-module-path", folder(of: $0) + interface, "-o", $0]
  }
  return SwiftModule(interface: folder(of: product) + interface, library: product)
}

/// ExitKit as one object.
private func exitKit(_ build: SwiftBuild) throws -> SwiftModule {
  let sources = try files(in: "Sources/ExitKit", ".swift")
  return try makeModule(
    "ExitKit", product: "ExitKit.o", from: sources + build.inputs(),
    build.compiler([]) + build.flags + ["-parse-as-library", "-wmo", "-c"] + sources)
}

/// ExitKit as a shared object.
public func sharedExitKit(_ build: SwiftBuild) throws -> SwiftModule {
  let exitKit = try exitKit(build)
  let objects = [exitKit.library] + (try coreObjects(.plain))
  let library = try make("libExitKit.so", from: objects) { ["swiftc", "-emit-library", "-o", $0] + objects }
  return SwiftModule(interface: exitKit.interface, library: library)
}

/// Compiles files of `Tests/Fixtures` to one program, with ExitKit in it, or in `libraries`.
public func compileSwift(_ names: [String], _ build: SwiftBuild, libraries: [SwiftModule] = []) throws -> String {
  let sources = names.map { "\(packageRoot)/Tests/Fixtures/\($0)" }
  let modules = try libraries.isEmpty ? [exitKit(build)] : libraries
  let objects = try build.objects + (libraries.isEmpty ? coreObjects(build.core) : [])
  let inputs = try sources + build.inputs() + objects + modules.flatMap { [$0.interface, $0.library] }
  let words = build.compiler(modules.map(\.interface)) + build.flags + build.programFlags
  return try make("program", from: inputs) {
    words + ["-module-name", "Program", "-o", $0] + sources + objects + modules.flatMap(\.asLinked)
  }
}

/// Compiles a file of `Tests/Fixtures` to a shared object, for a program or for `dlopen`, with ExitKit in it, or in
/// `libraries`.
public func compileSwiftLibrary(
  _ name: String, module: String, _ build: SwiftBuild, libraries: [SwiftModule]
) throws -> SwiftModule {
  let source = "\(packageRoot)/Tests/Fixtures/\(name)"
  let objects = try libraries.isEmpty ? coreObjects(build.core) : []
  let libraries = try libraries.isEmpty ? [exitKit(build)] : libraries
  let inputs = try [source] + build.inputs() + objects + libraries.flatMap { [$0.interface, $0.library] }
  return try makeModule(
    module, product: "lib\(module).so", from: inputs,
    build.compiler(libraries.map(\.interface)) + build.flags + ["-parse-as-library", "-emit-library"]
      + ["-Xlinker", "-soname", "-Xlinker", "lib\(module).so", source] + objects + libraries.flatMap(\.asLinked))
}

extension SwiftModule {
  fileprivate var asLinked: [String] { [library, "-Xlinker", "-rpath", "-Xlinker", folder(of: library)] }
}
