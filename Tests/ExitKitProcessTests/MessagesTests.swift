// SPDX-License-Identifier: Apache-2.0

import Glibc
import ProcessSupport
import Testing

/// The page of messages is complete: each line that the sources hold stands there. Each is provoked by a test elsewhere.
@Suite struct MessagesTests {
  @Test func `every line that the library prints is explained`() throws {
    let sources = "\(packageRoot)/Sources"
    let pattern = #"("ExitKit: |_say\(")[A-Za-z][A-Za-z ]+"#
    let found = try run("grep", ["-rhoE", pattern, sources, "--include=*.c", "--include=*.hpp", "--include=*.swift"])
    let page = try run("cat", ["\(sources)/ExitKit/ExitKit.docc/Messages.md"]).output
    let lines = Set(
      found.output.split(separator: "\n").map { $0.split(separator: "\"").last!.trimmingPrefix("ExitKit: ") })
    #expect(lines.count > 10)
    for line in lines {
      let words = line.split(separator: " ").prefix(3).joined(separator: " ")
      #expect(page.contains(words), "no row for: \(line)")
    }
  }

  @Test func `every part of a line that is put together is explained`() throws {
    let sources = "\(packageRoot)/Sources/CExitShim"
    let pattern = #"note(_seconds)?\([^"]*"[^"]{12,}""#
    let files = ["deadline.c", "crash.c", "broken_pipe.c"].map { "\(sources)/watch/\($0)" }
    let found = try run("grep", ["-hoE", pattern] + files + ["\(sources)/events/signals.c"])
    let page = try run("cat", ["\(packageRoot)/Sources/ExitKit/ExitKit.docc/Messages.md"]).output
    let parts = found.output.split(separator: "\n").flatMap { line in
      line.split(separator: "\"")[1].split(separator: /%[sut]/).map { $0.split(separator: " ").joined(separator: " ") }
    }
    #expect(parts.count > 5)
    for text in parts { #expect(page.contains(text), "no row for: \(text)") }
  }
}
