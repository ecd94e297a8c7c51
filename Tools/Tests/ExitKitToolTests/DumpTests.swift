// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

private let tools = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()
private let core = tools.deletingLastPathComponent().appending(path: "Sources/CExitShim")

private func find(_ program: String) -> String? {
  (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(program)" }
    .first { FileManager.default.isExecutableFile(atPath: $0) }
}

private func run(_ program: String, _ arguments: [String]) throws -> String {
  let process = Process(), output = Pipe()
  process.executableURL = URL(filePath: try #require(find(program)))
  process.arguments = arguments
  process.standardOutput = output
  process.standardError = FileHandle.nullDevice
  try process.run()
  let text = try output.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  return String(decoding: text, as: UTF8.self)
}

/// A process that hangs in a handler, and what it says of itself.
private func whileHanging(
  _ flags: [String], _ body: (_ process: Int32, _ program: String, _ own: String) throws -> Void
)
  throws
{
  try inFolder { folder in
    let program = "\(folder)/hangs"
    let sources = FileManager.default.enumerator(at: core, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL }
      .map(\.path).filter { $0.hasSuffix(".c") }
    _ = try run(
      "cc",
      flags + ["-O1", "-std=c11", "-D_GNU_SOURCE", "-I\(core.path)/include", "-o", program]
        + [tools.appending(path: "Tests/Fixtures/hangs.c").path] + (sources ?? []) + ["-lpthread", "-ldl"])
    let process = Process(), output = Pipe()
    process.executableURL = URL(filePath: program)
    process.standardOutput = output
    try process.run()
    defer {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
    let own = try output.fileHandleForReading.readToEnd() ?? Data()
    // The process writes a space for a control character, and exitkit a question mark.
    let text = String(decoding: own, as: UTF8.self).replacing("flush [31m", with: "flush?[31m")
    try body(process.processIdentifier, program, text)
  }
}

@Suite(.enabled(if: find("cc") != nil)) struct DumpTests {
  @Test(arguments: [["-pie"], ["-no-pie", "-fno-pie"], ["-s"]])
  func `shows of a live process what the process says of itself`(flags: [String]) throws {
    try whileHanging(flags) { process, _, own in
      let outcome = try exitkit(["dump", "\(process)"])
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.split(separator: "\n").count == 1010)
      #expect(outcome.output == own)
    }
  }

  @Test(.enabled(if: find("gcore") != nil)) func `shows of a core file what the process said of itself`() throws {
    try whileHanging(["-pie"]) { process, program, own in
      _ = try run("gcore", ["-o", program, "\(process)"])
      let outcome = try exitkit(["dump", "\(program).\(process)"])
      #expect(outcome.output == own, "\(outcome.errors)")
    }
  }

  @Test(.enabled(if: find("gdb") != nil), arguments: [["-pie"], ["-s"]])
  func `the commands of gdb show the same`(flags: [String]) throws {
    try whileHanging(flags) { process, program, own in
      let script = tools.appending(path: "gdb/exitkit-gdb.py").path
      let shown = try run(
        "gdb", ["-batch", "-nx", "-p", "\(process)", "-ex", "source \(script)", "-ex", "exit-run", "-ex", "exit-stack"])
      let lines = shown.split(separator: "\n").map(String.init)
      #expect(lines.contains("the process is exiting with status 3"))
      let wanted = own.split(separator: "\n").map(String.init)
        .filter { !$0.hasPrefix("ExitKit") && !$0.contains("plain") && !$0.contains("hangs") }
      #expect(lines.filter(wanted.contains).count == wanted.count)
    }
  }

  @Test func `a process without the library and a file that is no core are errors`() throws {
    let none = try exitkit(["dump", "\(getpid())"])
    #expect(none.status == 1)
    #expect(none.errors.contains("no ExitKit"))
    #expect(try exitkit(["dump", "/etc/passwd"]).errors == "Error: /etc/passwd: no core file of 64 bits\n")
  }
}
