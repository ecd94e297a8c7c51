// SPDX-License-Identifier: Apache-2.0
//
// A handler uses a library, and was registered before the library was first used. Each program is built three times: with
// this library, with CExitFirst besides, and with libc's atexit alone, to see what breaks then.

import Glibc
import ProcessSupport
import Testing

/// A program of Tests/Fixtures that uses a library (real-library.h).
struct Used: Sendable {
  let source: String
  var flags: [String] = []
  var compiler = CBuild.plain.compiler
  var environment: [String: String] = [:]
  /// The whole transcript.
  let lines: [String]

  init(
    _ source: String, _ flags: [String], environment: [String: String] = [:], _ lines: String...
  ) {
    self.source = source
    self.flags = flags
    self.environment = environment
    self.lines = lines
  }

  enum Handler { case stack, first, plain }

  func program(_ handler: Handler) throws -> String {
    let plain = CBuild.plain.with { $0.compiler = compiler }
    let build = try handler == .first ? ExitFirstTests.build { $0.compiler = compiler } : plain
    return try compile(
      source,
      build.with {
        $0.libraries += flags
        guard handler == .plain else { return }
        $0.core = .absent
        $0.flags.append("-DPLAIN")
      })
  }

  func leave(_ handler: Handler, _ way: String) throws -> Outcome {
    try run(program(handler), [way], environment: environment)
  }

  /// A program in Swift, out of which an error comes.
  func fail() throws -> Outcome {
    let plugin = try compile(
      source,
      .plugin.with {
        $0.compiler = compiler
        $0.flags.append("-DPLUGIN")
        $0.libraries += flags
      })
    return try run(swiftHost.get(), [plugin], environment: environment)
  }

  /// With atexit alone: whether the library registers clean-up of its own before main, or at its first use.
  func registers() throws -> String {
    try leave(.plain, "when").output.split(separator: "\n").first { $0.hasPrefix("before") }.map(String.init) ?? ""
  }

  var output: String { lines.map { $0 + "\n" }.joined() }

  func expectAll(_ way: WayOut) throws {
    switch way {
    case .error:
      let outcome = try fail()
      #expect(outcome == Outcome(.exited(1), output: output, errors: "ExitKit: error: Failure()\n"))
    case .door, .doorOnThread: try #expect(leave(.stack, way.rawValue) == Outcome(.exited(3), output: output))
    case .signal:
      for handler in [Handler.stack, .first] {
        try #expect(leave(handler, "signal") == Outcome(.signaled(SIGTERM), output: output))
      }
    default: try #expect(leave(.first, way.rawValue) == Outcome(.exited(3), output: output))
    }
  }

  /// By libc's atexit, and by plain exit of a program with the stack but without CExitFirst.
  func expectPlainly(_ ways: [String] = ["return", "exit", "thread"], _ isExpected: (Outcome) -> Bool) throws {
    for way in ways {
      let outcomes = try [leave(.plain, way), leave(.stack, way)]
      for outcome in outcomes { #expect(isExpected(outcome), "\(way): \(outcome)") }
    }
  }

  /// A library that is alive to the end, whoever calls the handler.
  func expectAlive(_ registration: String = "before main: no, at first use: no") throws {
    #expect(try registers() == registration)
    try expectPlainly { $0 == Outcome(.exited(3), output: output) }
  }
}

/// Plain ways out are tried with CExitFirst, doors without, a signal with both.
enum WayOut: String, CaseIterable {
  case `return`, exit, thread, door, signal, error
  case doorOnThread = "door-thread"
}

private let swiftHost = Result { try compileSwift(["real-library-host.swift"], SwiftBuild("-Onone")) }
private let swiftLibrary = Result {
  try compileSwiftLibrary("real-library-ctypes.swift", module: "Uses", SwiftBuild("-Onone"), libraries: [])
}

/// The tools that `Scripts/need` does not find.
private let missing: Set<String> = {
  let all = [
    "openssl", "libcurl", "sqlite3", "glib", "ncurses", "python3", "python3-dev", "jemalloc", "tcmalloc", "gdb", "g++",
    "valgrind", "musl-gcc", "libomp",
  ]
  let found = try? run("\(packageRoot)/Scripts/need", ["--lacking"] + all)
  return Set((found?.output ?? all.joined(separator: "\n")).split(separator: "\n").map(String.init))
}()

func needs(_ tools: String...) -> ConditionTrait {
  .enabled(if: missing.isDisjoint(with: tools), "not installed: \(missing.intersection(tools).sorted())")
}

func words(of tool: String, _ arguments: String...) -> [String] {
  let outcome = try? run(tool, arguments)
  return (outcome?.output ?? "").split { $0 == " " || $0 == "\n" }.map(String.init)
}

/// The OpenSSL of Debian 12, whose end is described in RealLibraries.md. Another one may end in another way.
private let isOpenSSL3_0 = words(of: "openssl", "version").dropFirst().first?.hasPrefix("3.0.") == true

private func found(_ pattern: String) -> String { words(of: "sh", "-c", "echo \(pattern)").last ?? "" }

@Suite(
  .disabled(if: isSanitized || isForeign, "a sanitizer stands in front of libc itself; this libc has no libraries"))
struct RealLibraryTests {
  static let openSSL = Used("real-library-openssl.c", ["-lssl", "-lcrypto"], "digest made, context made")
  static let tls = Used(
    "real-library-tls.c", ["-lssl", "-lcrypto"], "server heard: hello", "server heard: goodbye",
    "server: the client closed the connection",
    "handler: sent")
  static let curl = Used(
    "real-library-curl.c", ["-lcurl", "-lssl", "-lcrypto"], "server heard: POST /session HTTP/1.1",
    "server heard: DELETE /session HTTP/1.1", "handler: done")
  static let sqlite = Used("real-library-sqlite.c", ["-lsqlite3"], "handler: committed, closed", "rows: 2")
  static let glib = Used(
    "real-library-glib.c", words(of: "pkg-config", "--cflags", "--libs", "glib-2.0"), "handler: 16 jobs done")
  static let openMP = Used("real-library-openmp.c", ["-fopenmp"], "handler: 500500 on 4 threads")
  /// clang's OpenMP. The clang of a Swift toolchain comes without, so the header and the library are a package's.
  static let libomp = {
    let header = found("/usr/lib/llvm-*/lib/clang/*/include/omp.h").dropLast("/omp.h".count)
    let library = found("/usr/lib/llvm-*/lib/libomp.so").dropLast("/libomp.so".count)
    var used = Used(
      "real-library-openmp.c",
      ["-fopenmp=libomp", "-idirafter", "\(header)", "-L\(library)", "-Wl,-rpath,\(library)"], openMP.lines[0])
    used.compiler = "clang"
    return used
  }()
  static let ncurses = Used(
    "real-library-ncurses.c", ["-lncurses", "-ltinfo"],
    "handler: the screen says goodbye, the terminal has its settings")
  static let statics = Used("real-library-statics.cpp", [], "function's static alive, thread-local alive")
  static let python = Used(
    "real-library-python.c",
    words(of: "python3-config", "--includes").flatMap { ["-isystem", String($0.dropFirst(2))] }
      + words(of: "python3-config", "--ldflags", "--embed"),
    "handler: a context with OpenSSL", "Python's atexit", "handler: done")

  static func allocator(_ name: String, _ settings: [String: String] = [:]) -> Used {
    let file = name == "jemalloc" ? "libjemalloc.so.2" : "libtcmalloc_minimal.so.4"
    return Used(
      "real-library-malloc.c", [], environment: settings.merging(["LD_PRELOAD": file]) { $1 },
      "handler: 4000 of 4000 blocks were kept, malloc is \(file.prefix { $0 != "." })'s")
  }

  // ---- Libraries whose clean-up comes before an older handler of libc's

  @Test(needs("openssl"), arguments: WayOut.allCases)
  func `OpenSSL makes digests and contexts in a handler, by each way out`(_ way: WayOut) throws {
    try Self.openSSL.expectAll(way)
  }

  @Test(needs("openssl")) func `OpenSSL cleans up before a handler of atexit, and before a handler by plain exit`()
    throws
  {
    #expect(try Self.openSSL.registers().hasSuffix("at first use: yes"))
    try Self.openSSL.expectPlainly {
      isOpenSSL3_0 ? $0.ending == .signaled(SIGSEGV) : $0.ending != .exited(3) || $0.output != Self.openSSL.output
    }
  }

  @Test(needs("openssl"), arguments: WayOut.allCases)
  func `a TLS connection is closed in a handler as the protocol asks, on each way out`(_ way: WayOut) throws {
    try Self.tls.expectAll(way)
  }

  @Test(needs("openssl")) func `a TLS connection without a handler: the server sees that the client is gone`() throws {
    #expect(
      try Self.tls.leave(.plain, "signal")
        == Outcome(.signaled(SIGTERM), lines: "server heard: hello", "server: the client is gone"))
  }

  @Test(needs("openssl", "libcurl"), arguments: WayOut.allCases)
  func `libcurl sends a request over TLS in a handler, by each way out`(_ way: WayOut) throws {
    try Self.curl.expectAll(way)
  }

  @Test(needs("openssl", "libcurl"))
  func `libcurl in a handler of atexit, or by plain exit, finds OpenSSL cleaned up`() throws {
    #expect(try Self.curl.registers().hasSuffix("at first use: yes"))
    try Self.curl.expectPlainly {
      !$0.output.contains("DELETE") && (!isOpenSSL3_0 || $0.ending == .signaled(SIGSEGV))
    }
  }

  @Test(needs("python3-dev"), arguments: WayOut.allCases)
  func `an interpreter in a program runs code in a handler, then Python's own handlers`(_ way: WayOut) throws {
    try Self.python.expectAll(way)
  }

  @Test(needs("python3-dev"))
  func `Python in a handler of atexit, or by plain exit, finds OpenSSL cleaned up`() throws {
    #expect(try Self.python.registers().hasSuffix("at first use: yes"))
    try Self.python.expectPlainly {
      !$0.output.contains("a context") && (!isOpenSSL3_0 || $0.errors.contains("ssl.SSLError"))
    }
  }

  @Test(needsCxx, arguments: WayOut.allCases)
  func `a function's static and a thread-local are alive in a handler, on each way out`(_ way: WayOut) throws {
    try Self.statics.expectAll(way)
  }

  @Test(needsCxx) func `a function's static is destroyed in a handler of atexit, or by plain exit`() throws {
    #expect(try Self.statics.registers().hasSuffix("at first use: yes"))
    for (ways, threadLocal) in [(["return", "exit"], "destroyed"), (["thread"], "alive")] {
      try Self.statics.expectPlainly(ways) {
        $0 == Outcome(.exited(3), lines: "function's static destroyed, thread-local \(threadLocal)")
      }
    }
  }

  // ---- Libraries that are alive to the end

  @Test(needs("sqlite3"), arguments: WayOut.allCases)
  func `SQLite commits and closes in a handler, by each way out`(_ way: WayOut) throws {
    try Self.sqlite.expectAll(way)
  }

  @Test(needs("glib"), arguments: WayOut.allCases)
  func `GLib runs a main loop and a pool of threads in a handler, by each way out`(_ way: WayOut) throws {
    try Self.glib.expectAll(way)
  }

  @Test(arguments: WayOut.allCases)
  func `OpenMP has all its threads in a handler, by each way out`(_ way: WayOut) throws {
    try Self.openMP.expectAll(way)
  }

  @Test(needs("libomp"), arguments: WayOut.allCases)
  func `clang's OpenMP has all its threads in a handler, by each way out`(_ way: WayOut) throws {
    try Self.libomp.expectAll(way)
  }

  @Test(needs("ncurses"), arguments: WayOut.allCases)
  func `ncurses gives the terminal back in a handler, by each way out`(_ way: WayOut) throws {
    try Self.ncurses.expectAll(way)
  }

  @Test(needs("ncurses")) func `ncurses has a handler for SIGTERM, which ends the process with 1, atexit not run`()
    throws
  {
    #expect(try Self.ncurses.leave(.plain, "signal") == Outcome(.exited(1)))
  }

  @Test(needs("sqlite3")) func `SQLite registers nothing, and works in a handler of atexit and by plain exit`() throws {
    try Self.sqlite.expectAlive()
  }

  @Test(needs("glib")) func `GLib registers nothing, and works in a handler of atexit and by plain exit`() throws {
    try Self.glib.expectAlive()
  }

  @Test func `OpenMP registers nothing, and works in a handler of atexit and by plain exit`() throws {
    try Self.openMP.expectAlive()
  }

  @Test(needs("libomp")) func `clang's OpenMP registers nothing, and works in a handler of atexit, too`() throws {
    try Self.libomp.expectAlive()
  }

  @Test(needs("ncurses")) func `ncurses registers nothing, and works in a handler of atexit and by plain exit`() throws
  {
    try Self.ncurses.expectAlive()
  }

  // OpenSSL's clean-up, which comes before the handler, leaves an open connection usable.
  @Test(needs("openssl")) func `an open TLS connection still works in a handler of atexit and by plain exit`() throws {
    #expect(try Self.tls.registers().hasSuffix("at first use: yes"))
    try Self.tls.expectPlainly { $0 == Outcome(.exited(3), output: Self.tls.output) }
  }

  @Test(needs("jemalloc")) func `jemalloc works in a handler of atexit and by plain exit`() throws {
    try Self.allocator("jemalloc").expectAlive("before main: yes, at first use: no")
  }

  @Test(needs("tcmalloc")) func `tcmalloc registers before main, and works in a handler of atexit, too`() throws {
    try Self.allocator("tcmalloc").expectAlive("before main: yes, at first use: no")
  }

  @Test(needs("jemalloc"), arguments: WayOut.allCases)
  func `jemalloc in the place of libc's malloc serves handlers, by each way out`(_ way: WayOut) throws {
    try Self.allocator("jemalloc").expectAll(way)
  }

  @Test(needs("jemalloc"), arguments: ["return", "exit", "door", "signal"])
  func `jemalloc registers before main, so its report comes after the handlers`(way: String) throws {
    let library = Self.allocator("jemalloc", ["MALLOC_CONF": "stats_print:true"])
    #expect(try library.registers() == "before main: yes, at first use: no")
    let outcome = try library.leave(.first, way)
    #expect(outcome.output == library.output)
    #expect(outcome.errors.split(separator: "\n").count { $0.contains("Begin jemalloc statistics") } == 1)
    #expect(outcome.ending == (way == "signal" ? .signaled(SIGTERM) : .exited(3)))
  }

  @Test(needs("tcmalloc"), arguments: WayOut.allCases)
  func `tcmalloc in the place of libc's malloc serves handlers, by each way out`(_ way: WayOut) throws {
    try Self.allocator("tcmalloc").expectAll(way)
  }

  // ---- Python

  @Test(
    needs("python3"),
    arguments: [
      ("end", Ending.exited(0), "Python's atexit, Swift's handler"),
      ("sys.exit", .exited(3), "Python's atexit, Swift's handler"),
      ("exception", .exited(1), "Python's atexit, Swift's handler"),
      ("Python's signal", .exited(143), "Python's atexit, Swift's handler"),
      ("libc", .exited(3), "Swift's handler"), ("door", .exited(3), "Swift's handler"),
      ("thread", .exited(3), "Swift's handler"),
      ("signal", .signaled(SIGTERM), "Swift's handler"),
      ("callback", .exited(3), "Swift's handler, a callback into Python"),
      ("callback on a thread", .exited(3), "Swift's handler, a callback into Python"), ("_exit", .exited(3), ""),
    ])
  func `handlers of a Swift library in Python run after Python's own atexit`(
    way: String, ending: Ending, lines: String
  ) throws {
    let outcome = try Self.ctypes("stack", way)
    #expect(outcome.ending == ending)
    #expect(outcome.output == lines.replacing(", ", with: "\n") + (lines.isEmpty ? "" : "\n"))
    #expect(outcome.errors.contains("RuntimeError: an error") == (way == "exception"))
  }

  /// A Swift library in Python, with a handler of the stack or of libc's.
  static func ctypes(_ handler: String, _ way: String) throws -> Outcome {
    let library = try swiftLibrary.get().library
    return try run("python3", ["\(packageRoot)/Tests/Fixtures/real-library-ctypes.py", library, handler, way])
  }

  @Test(
    needs("python3"),
    arguments: [
      ("end", Ending.exited(0), "Python's atexit\nlibc's handler\n"),
      ("sys.exit", .exited(3), "Python's atexit\nlibc's handler\n"),
      ("exception", .exited(1), "Python's atexit\nlibc's handler\n"),
      ("Python's signal", .exited(143), "Python's atexit\nlibc's handler\n"),
      ("libc", .exited(3), "libc's handler\n"), ("SIGTERM", .signaled(SIGTERM), ""), ("_exit", .exited(3), ""),
    ])
  func `a handler of libc's in Python runs after Python's atexit, and not on a signal`(
    way: String, ending: Ending, output: String
  ) throws {
    let outcome = try Self.ctypes("libc", way)
    #expect(outcome.ending == ending)
    #expect(outcome.output == output)
  }
}
