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
    let build = try handler == .first ? ExitFirstTests.build() : .plain
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
        $0.flags.append("-DPLUGIN")
        $0.libraries += flags
      })
    return try run(swiftHost.get(), [plugin], environment: environment)
  }

  /// With atexit alone: whether the library registers clean-up of its own before main, or at its first use.
  func registers() throws -> String {
    try leave(.plain, "when").output.split(separator: "\n").last.map(String.init) ?? ""
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

  /// libc's atexit, and plain exit of a program with the stack but without CExitFirst.
  func expectBroken(is isBroken: (Outcome) -> Bool) throws {
    for way in ["return", "exit"] {
      let outcomes = try [leave(.plain, way), leave(.stack, way)]
      for outcome in outcomes { #expect(isBroken(outcome), "\(way): \(outcome)") }
    }
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
    try Self.openSSL.expectBroken { $0.ending != .exited(3) || $0.output != Self.openSSL.output }
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
    try Self.curl.expectBroken { !$0.output.contains("DELETE") }
  }

  @Test(needs("python3-dev"), arguments: WayOut.allCases)
  func `an interpreter in a program runs code in a handler, then Python's own handlers`(_ way: WayOut) throws {
    try Self.python.expectAll(way)
  }

  @Test(needs("python3-dev"))
  func `Python in a handler of atexit, or by plain exit, finds OpenSSL cleaned up`() throws {
    #expect(try Self.python.registers().hasSuffix("at first use: yes"))
    try Self.python.expectBroken { !$0.output.contains("a context") }
  }

  @Test(needsCxx, arguments: WayOut.allCases)
  func `a function's static and a thread-local are alive in a handler, on each way out`(_ way: WayOut) throws {
    try Self.statics.expectAll(way)
  }

  @Test(needsCxx) func `a function's static is destroyed in a handler of atexit, or by plain exit`() throws {
    #expect(try Self.statics.registers().hasSuffix("at first use: yes"))
    try Self.statics.expectBroken {
      $0 == Outcome(.exited(3), lines: "function's static destroyed, thread-local destroyed")
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

  @Test(needs("ncurses"), arguments: WayOut.allCases)
  func `ncurses gives the terminal back in a handler, by each way out`(_ way: WayOut) throws {
    try Self.ncurses.expectAll(way)
  }

  @Test(needs("ncurses")) func `ncurses has a handler for SIGTERM, which ends the process with 1, atexit not run`()
    throws
  {
    #expect(try Self.ncurses.leave(.plain, "signal") == Outcome(.exited(1)))
  }

  @Test func `SQLite, GLib, OpenMP and ncurses register nothing with libc, and work by exit`() throws {
    let libraries = [("sqlite3", Self.sqlite), ("glib", Self.glib), ("", Self.openMP), ("ncurses", Self.ncurses)]
    for (_, library) in libraries.filter({ !missing.contains($0.0) }) {
      #expect(try library.registers().hasSuffix("at first use: no"))
      for handler in [Used.Handler.plain, .stack] {
        #expect(try library.leave(handler, "return") == Outcome(.exited(3), output: library.output))
      }
    }
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
      ("callback", .exited(3), "Swift's handler, a callback into Python"), ("_exit", .exited(3), ""),
    ])
  func `handlers of a Swift library in Python run after Python's own atexit`(
    way: String, ending: Ending, lines: String
  ) throws {
    let library = try swiftLibrary.get()
    let outcome = try run(
      "python3", ["\(packageRoot)/Tests/Fixtures/real-library-ctypes.py", library.library, way])
    #expect(outcome.ending == ending)
    #expect(outcome.output == lines.replacing(", ", with: "\n") + (lines.isEmpty ? "" : "\n"))
    #expect(outcome.errors.contains("RuntimeError: an error") == (way == "exception"))
  }
}
