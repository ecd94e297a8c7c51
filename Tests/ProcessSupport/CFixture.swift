// SPDX-License-Identifier: Apache-2.0
//
// How a C fixture is built: a test names a file of Tests/Fixtures and a `CBuild`, and gets the path of a program. The program
// is made by the C compiler from the fixture and the objects of the C core, in .build/fixtures, in a folder whose name is a
// hash of the command and of each file that the compiler reads. So a second run of the tests builds nothing, and a changed
// file never meets an old program.
//
// The name of a fixture begins with the name of the suite that it belongs to: signal.c and signal-deaf.c belong to SignalTests.
// Another suite may run the fixture, too. fixture.h and threads.h are for the fixtures of all suites. `Scripts/check-rules`
// looks for fixtures without a suite.

import Dispatch
import Glibc
import Synchronization

/// How to compile a C program of `Tests/Fixtures`.
public struct CBuild: Hashable, Sendable {
  /// Where the program gets the C core from.
  public enum Core: Hashable, Sendable {
    /// The core's objects are part of the program, and the program exports the core's symbols to plugins.
    case linked
    /// The core is a shared object of its own, which can be loaded and unloaded.
    case shared
    /// The program has no core, or is a plugin and takes the core from the program that loads the plugin.
    case absent
  }

  public var compiler = fixtureCompiler
  /// For the program and the core. The core is compiled once for each set of flags, which takes seconds.
  public var flags = ["-O1", "-g"]
  /// For the program and its linking alone.
  public var programFlags: [String] = []
  /// Words of the command after the sources: libraries, and options of the linker.
  public var libraries: [String] = []
  public var core = Core.linked
  /// True: makes a shared object for `dlopen` instead of a program.
  public var isPlugin = false

  public init() {}

  /// `-O1 -g`, and EXITKIT_FIXTURE_FLAGS, where set. `make sanitize` sets EXITKIT_FIXTURE_FLAGS for the whole suite.
  public static let plain = {
    var build = CBuild()
    if let more = getenv("EXITKIT_FIXTURE_FLAGS") {
      build.flags += String(cString: more).split(separator: " ").map(String.init)
    }
    return build
  }()

  /// A shared object that takes the core from the program that loads the object.
  public static let plugin = plain.with {
    $0.isPlugin = true; $0.core = .absent
  }

  public func with(_ change: (inout CBuild) -> Void) -> CBuild {
    var build = self
    change(&build)
    return build
  }
}

/// Whether the fixtures are compiled with a sanitizer, which has memory and an exit status of its own.
public let isSanitized = CBuild.plain.flags.contains { $0.hasPrefix("-fsanitize") }

/// Whether the thread sanitizer is that sanitizer. It stands between libc and exit handlers, and hides the exit status.
public let isThreadSanitized = CBuild.plain.flags.contains("-fsanitize=thread")

/// The C compiler: EXITKIT_CC, or `cc`. `Scripts/matrix` sets a compiler for another libc or another machine.
private let fixtureCompiler = getenv("EXITKIT_CC").map { String(cString: $0) } ?? "cc"

/// Whether the fixtures are for another libc or another machine than the tests.
public let isForeign = getenv("EXITKIT_CC") != nil

/// The C++ compiler. Another libc comes without a C++ library: a fixture then does without.
private let cxxCompiler =
  isForeign
  ? [fixtureCompiler, "-std=c++17", "-nostdinc++", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"]
    + ["-DNO_CXX_LIBRARY"]
  : ["c++", "-std=c++17"]

/// EXITKIT_FIRST: each fixture with a core also has CExitFirst, unless the fixture's test chooses a build itself.
public let fixturesHaveFirst = getenv("EXITKIT_FIRST") != nil

/// EXITKIT_RUN: the emulator that starts fixtures of another machine.
private let emulator = getenv("EXITKIT_RUN").map { String(cString: $0) } ?? ""

/// Whether an emulator runs the fixtures.
public let isEmulated = !emulator.isEmpty

/// The words that start `program`. For a fixture of another machine the emulator is the first word.
public func words(_ program: String, _ arguments: [String]) -> [String] {
  let isFixture = program.hasPrefix("\(packageRoot)/.build/fixtures/")
  return (isEmulated && isFixture ? [emulator] : []) + [program] + arguments
}

/// The root of this package.
public let packageRoot = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(
  separator: "/")

/// Compiles `Tests/Fixtures/<name>` and returns the path of the result. A result of the same sources and the same
/// command is kept, also for the next run of the tests.
public func compile(_ name: String, _ build: CBuild = .plain) throws -> String {
  let key =
    [name, build.compiler, "\(build.core) \(build.isPlugin)"] + build.flags + [""] + build.programFlags + [""]
    + build.libraries
  return try programs.value(key) { try makeProgram(name, build) }
}

private func makeProgram(_ name: String, _ build: CBuild) throws -> String {
  var objects: [String] = []
  switch build.core {
  case .linked: objects = try coreObjects(build)
  case .shared: objects = [try sharedCore(build)]
  case .absent: break
  }
  let folder = "\(packageRoot)/Tests/Fixtures", source = "\(folder)/\(name)"
  let headers =
    try filesIn(folder).filter { $0.hasSuffix(".h") }.map { "\(folder)/\($0)" }
    + ["\(packageRoot)/Sources/CExitShim/include/CExitShim.h"]
  let kind = build.isPlugin ? ["-fPIC", "-shared"] : ["-rdynamic"]
  let chosen = build.libraries.contains { $0.hasSuffix("CExitFirst.o") || $0.hasSuffix("CExitOrder.o") }
  if fixturesHaveFirst, !build.isPlugin, build.core != .absent, !chosen {
    objects.append(try orderObject("CExitFirst", build))
  }
  return try make(name.prefix { $0 != "." } + (build.isPlugin ? ".so" : ""), from: [source] + headers + objects) {
    (name.hasSuffix(".cpp") ? cxxCompiler : [build.compiler, "-std=c11"])
      + strict + build.flags + build.programFlags + kind + ["-o", $0, source] + objects + build.libraries
      + ["-lpthread", "-ldl", "-lutil"]
  }
}

/// Compiles a file of `Tests/Fixtures` to an object, for a program of several objects.
public func compileObject(_ name: String, _ build: CBuild) throws -> String {
  let source = "\(packageRoot)/Tests/Fixtures/\(name)"
  return try make(name.dropLast(2) + ".o", from: [source]) {
    [build.compiler, "-std=c11"] + strict + build.flags + build.programFlags + ["-fPIC", "-c", "-o", $0, source]
  }
}

/// CExitFirst or CExitOrder as an object for the linker.
public func orderObject(_ name: String, _ build: CBuild) throws -> String {
  let folder = "\(packageRoot)/Sources/\(name)"
  let source = name == "CExitFirst" ? "first.c" : "order.c"
  let sources = ["\(folder)/include/\(name).h", "\(folder)/\(source)"]
  return try make("\(name).o", from: sources) {
    [build.compiler, "-std=c11", "-O2", "-fPIC", "-Wall", "-Wextra", "-Werror", "-I", "\(folder)/include"]
      + ["-I", "\(packageRoot)/Sources/CExitShim/include", "-c", "-o", $0, sources[1]]
  }
}

/// The C core as a shared object, for a fixture that calls `dlopen` with the core's path.
public func sharedCore(_ build: CBuild = .plain) throws -> String {
  let objects = try coreObjects(build)
  return try make("libCExitShim.so", from: objects) {
    [build.compiler] + build.flags + ["-shared", "-o", $0] + objects + ["-lpthread", "-ldl"]
  }
}

private let strict = [
  "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-I", "\(packageRoot)/Sources/CExitShim/include",
]

/// What this process has made or found, by its key. Threads that want the same thing wait for the first of them; what has
/// another key is made meanwhile.
private final class Remembered<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private final class Place: Sendable {
    let value = Mutex<Value?>(nil)
  }

  private let places = Mutex<[Key: Place]>([:])

  func value(_ key: Key, make: () throws -> Value) throws -> Value {
    let place = places.withLock { places in
      let place = places[key] ?? Place()
      places[key] = place
      return place
    }
    return try place.value.withLock { known in
      if let known { return known }
      let made = try make()
      known = made
      return made
    }
  }
}

// To find out whether a file is up to date all its sources are read, which takes half a second for a program.
private let programs = Remembered<[String], String>()
private let core = Remembered<[String], [String]>()
private let made = Remembered<String, Void>()
private let hashes = Remembered<String, String>()

/// The C core as objects for the linker.
public func coreObjects(_ build: CBuild) throws -> [String] {
  try core.value([build.compiler] + build.flags) { try makeCoreObjects(build) }
}

private func makeCoreObjects(_ build: CBuild) throws -> [String] {
  let folder = "\(packageRoot)/Sources/CExitShim"
  let rooms = try filesIn(folder).map { "\(folder)/\($0)" }
  let files = try rooms.flatMap { room in try filesIn(room).map { "\(room)/\($0)" } }
  let headers = files.filter { $0.hasSuffix(".h") }
  // A definition that neither the file nor a header mentions would only make another copy of the same object.
  let definitions = build.flags.filter { $0.hasPrefix("-DCEXIT_") }
  let mentioned = try Set(
    definitions.flatMap { flag in
      let name = flag.dropFirst(2).prefix { $0 != "=" }
      return try files.filter { try contents($0).contains(name) }.map { flag + $0 }
    })
  return try onAllProcessors(files.filter { $0.hasSuffix(".c") }) { file in
    let flags = build.flags.filter { flag in
      !definitions.contains(flag) || ([file] + headers).contains { mentioned.contains(flag + $0) }
    }
    return try make(file.split(separator: "/").last!.dropLast(2) + ".o", from: [file] + headers) {
      [build.compiler, "-std=c11"] + strict + flags + ["-fPIC", "-c", "-o", $0, file]
    }
  }
}

/// The results of `body` in the order of `elements`; all processors work on these.
private func onAllProcessors(
  _ elements: [String], _ body: @Sendable (String) throws -> String
) throws -> [String] {
  let results = Mutex<[Int: Result<String, any Error>]>([:])
  DispatchQueue.concurrentPerform(iterations: elements.count) { index in
    let result = Result { try body(elements[index]) }
    results.withLock { $0[index] = result }
  }
  return try results.withLock { results in try elements.indices.map { try results[$0]!.get() } }
}

/// Makes a file by a command, which gets the file's path, and returns the path. The file lies in a folder whose name
/// depends on the command and on all files that the command reads. An existing file is not made a second time.
public func make(
  _ name: some StringProtocol, from sources: [String], command: (String) -> [String]
) throws -> String {
  // The folder's name is a hash of the command and of every byte that the command reads.
  var hash = Hash()
  hash.add(command("").joined(separator: "\0"))
  for source in sources { hash.add(try hashOf(source)) }
  let folder = "\(packageRoot)/.build/fixtures/\(hash.text)"
  let result = "\(folder)/\(name)"
  try made.value(result) {
    if access(result, F_OK) == 0 { return }
    for end in folder.indices where folder[end] == "/" { mkdir(String(folder[..<end]), 0o777) }
    mkdir(folder, 0o777)
    let fresh = "\(result).\(getpid())"
    let words = command(fresh)
    let outcome = try run(words[0], Array(words.dropFirst()), deadline: 300)
    guard outcome.ending == .exited(0) else {
      throw SystemFailure("\(words.joined(separator: " "))\n\(outcome.ending)\n\(outcome.errors)")
    }
    guard rename(fresh, result) == 0 else { throw SystemFailure("rename", errno) }
  }
  return result
}

/// A file that was made is known by its path, which has the hash of all that the file was made from.
private func hashOf(_ path: String) throws -> String {
  if path.hasPrefix("\(packageRoot)/.build/fixtures/") { return path }
  return try hashes.value(path) {
    var hash = Hash()
    hash.add(try contents(path))
    return hash.text
  }
}

/// FNV-1a, good enough for names of folders.
private struct Hash {
  private var value: UInt64 = 0xCBF2_9CE4_8422_2325

  var text: String { String(value, radix: 36) }

  mutating func add(_ text: String) {
    for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    value = (value ^ 0xFF) &* 0x100_0000_01B3
  }
}

public func filesIn(_ folder: String) throws -> [String] {
  guard let directory = opendir(folder) else { throw SystemFailure(folder, errno) }
  defer { closedir(directory) }
  var names: [String] = []
  while let entry = readdir(directory) {
    names.append(
      withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      })
  }
  return names.sorted()
}
