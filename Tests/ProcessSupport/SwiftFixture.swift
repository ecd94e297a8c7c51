// SPDX-License-Identifier: Apache-2.0
//
// How a Swift fixture is built: as a C fixture (CFixture.swift), by `swiftc` from the fixture, the sources of ExitKit and the
// objects of the C core. A test names a `SwiftBuild`, since some tests need a way of compiling that SwiftPM does not have:
// another optimization, a shared library, another language mode. A folder of Tests/Fixtures has the fixtures of a target.

import Glibc

/// How to compile a Swift program of `Tests/Fixtures`, together with the library. The compiler is called directly,
/// since the package manager would build the whole package for each way of compiling.
public struct SwiftBuild: Hashable, Sendable, CustomStringConvertible {
  public var flags: [String]
  /// Options for the program, and not for the library.
  public var programFlags: [String]
  /// How to compile the C core for the program.
  public var core = CBuild.plain
  /// More objects to link.
  public var objects: [String] = []
  /// The compiler plugin that expands `@AtExit`, where the trait is on.
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

  /// The files that every compilation depends on, in addition to its own sources.
  fileprivate func inputs() throws -> [String] {
    try files(in: "Sources/CExitShim/include", ".h") + files(in: "Sources/CExitShim/include", ".modulemap")
      + (plugin == nil ? [] : files(in: "Sources/ExitKitMacros", ".swift"))
  }
}

/// The files of a folder of this package and of all folders inside, without documentation catalogues.
private func files(in folder: String, _ ending: String) throws -> [String] {
  try filesIn("\(packageRoot)/\(folder)").flatMap { name -> [String] in
    if name.hasSuffix(ending) { return ["\(packageRoot)/\(folder)/\(name)"] }
    return name.contains(".") ? [] : try files(in: "\(folder)/\(name)", ending)
  }
}

/// A Swift module, and the object or shared object of the module.
public struct SwiftModule: Sendable {
  public let interface: String
  public let library: String
}

private func folder(of path: String) -> String { String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) }

/// Compiles to `product`, and puts the module's interface into the same folder.
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

/// Compiles files of `Tests/Fixtures` to a program. ExitKit is part of the program, or is in `libraries`.
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

/// Compiles a file of `Tests/Fixtures` to a shared object, for a program or for `dlopen`. ExitKit is part of the shared
/// object, or is in `libraries`.
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
