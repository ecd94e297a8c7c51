// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ToolSupport

/// A process that hangs in a handler, as `exitkit dump` shows the process.
private func whileHanging(
  _ flags: [String], _ arguments: String..., body: (_ process: Int32, _ program: String, _ own: String) throws -> Void
)
  throws
{
  try inFolder { folder in
    let program = "\(folder)/hangs"
    try compile(file: toolFile("Tests/Fixtures/hangs.c"), into: program, .core, flags)
    let process = Process(), output = Pipe()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
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

private func gdb(_ process: Int32, _ commands: String...) throws -> String {
  let words = ["source \(toolFile("gdb/exitkit-gdb.py"))"] + commands
  return try ToolSupport.output("gdb", ["-batch", "-nx", "-p", "\(process)"] + words.flatMap { ["-ex", $0] })
}

@Suite(.enabled(if: find("cc") != nil)) struct DumpTests {
  @Test(arguments: [["-pie"], ["-no-pie", "-fno-pie"], ["-s"]])
  func `the dump of a live process is the dump that the process makes of itself`(flags: [String]) throws {
    try whileHanging(flags) { process, _, own in
      let outcome = try exitkit(["dump", "\(process)"])
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.split(separator: "\n").count == 1010)
      #expect(outcome.output == own)
    }
  }

  @Test(.enabled(if: find("gcore") != nil)) func `the dump of a core file is the dump that the process made of itself`()
    throws
  {
    try whileHanging(["-pie"]) { process, program, own in
      try ToolSupport.output("gcore", ["-o", program, "\(process)"])
      let outcome = try exitkit(["dump", "\(program).\(process)"])
      #expect(outcome.output == own, "\(outcome.errors)")
    }
  }

  @Test(.enabled(if: find("gdb") != nil), arguments: [["-pie"], ["-s"]])
  func `the commands of gdb show the same`(flags: [String]) throws {
    try whileHanging(flags) { process, program, own in
      let shown = try gdb(process, "exit-run", "exit-stack")
      let lines = shown.split(separator: "\n").map(String.init)
      #expect(lines.contains("the process is exiting with status 3"))
      let wanted = own.split(separator: "\n").map(String.init)
        .filter { !$0.hasPrefix("ExitKit") && !$0.contains("plain") && !$0.contains("hangs") }
      #expect(lines.filter(wanted.contains).count == wanted.count)
    }
  }

  private static let others = """
    on quick_exit:
      1 hangs!plain
    stack of a test of its own:
      2 upload (server.c:7)
      1 stack inner
        1 flush (server.c:7) late

    """

  @Test func `shows the stack of quick_exit, and stacks that the program runs by hand`() throws {
    try whileHanging([], "others") { process, _, own in
      let outcome = try exitkit(["dump", "\(process)"])
      #expect(outcome.output == own + Self.others, "\(outcome.errors)")
    }
  }

  @Test(.enabled(if: find("gdb") != nil)) func `the commands of gdb show the other stacks, too`() throws {
    try whileHanging([], "others") { process, _, _ in
      let shown = try gdb(process, "exit-stack")
      #expect(shown.contains(Self.others.replacing("hangs!plain", with: "plain")), "\(shown.suffix(400))")
    }
  }

  @Test func `an exiter that enters libc is found, too`() throws {
    try whileHanging([], "entering") { process, _, own in
      #expect(own.contains("  runs flush?[31m (server.c:7)\n"))
      #expect(try exitkit(["dump", "\(process)"]).output == own)
      if find("gdb") != nil {
        let shown = try gdb(process, "exit-run")
        #expect(shown.contains("  runs flush?[31m (server.c:7)\n"))
      }
    }
  }

  @Test func `a process without the library and a file that is no core are errors`() throws {
    let none = try exitkit(["dump", "\(getpid())"])
    #expect(none.status == 1)
    #expect(none.errors.contains("no ExitKit"))
    #expect(try exitkit(["dump", "/etc/passwd"]).errors == "Error: /etc/passwd: no core file of 64 bits\n")
  }
}
