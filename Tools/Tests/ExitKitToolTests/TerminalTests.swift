// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ToolSupport

/// The lines of `run` on a terminal, while the program exits.
@Suite(.serialized) struct TerminalTests {
  private static let head = """
    [
    {"name":"process_name","ph":"M","pid":7,"tid":7,"args":{"name":"server"}},
    {"name":"exit","cat":"exit","ph":"i","s":"p","ts":100.0,"pid":7,"tid":7,"args":{"door":"exit","status":0}},
    {"name":"close","cat":"handler","ph":"B","ts":100.0,"pid":7,"tid":7,"args":{"phase":"normal","stack":"process"}},
    {"name":"failure","cat":"failure","ph":"i","ts":600.0,"pid":7,"tid":7,"args":{"handler":"close","error":"disk full"}},
    {"name":"close","cat":"handler","ph":"E","ts":1100.0,"pid":7,"tid":7,"args":{"outcome":"failed"}},
    {"name":"終了終了終了終了","cat":"handler","ph":"B","ts":1100.0,"pid":7,"tid":7,"args":{"phase":"late","stack":"process"}},

    """
  private static let rest = """
    {"name":"終了終了終了終了","cat":"handler","ph":"E","ts":3100.0,"pid":7,"tid":7,"args":{"outcome":"ok"}},
    {"name":"end","cat":"exit","ph":"i","s":"p","ts":3100.0,"pid":7,"tid":7,"args":{"ran":2,"failed":1,"status":0}},

    """
  private static let text = (
    head: "exitkit: server (7) exits: exit, status 0\r\n", failed: "     1 ms  close: failed: …",
    long: " > 500 ms  終了終了終了終…\r\n", last: "     2 ms  終了終了終了終了\r\n",
    end: "exitkit: server: 2 handlers in 3 ms, 1 failed\r\n"
  )

  /// All that arrives at a terminal of 27 columns.
  ///
  /// The program goes on when the text has arrived.
  private func show(_ variables: [String: String], until text: String) throws -> String {
    var shown: [UInt8] = []
    try inFolder { folder in
      try Self.head.write(toFile: "\(folder)/head", atomically: false, encoding: .utf8)
      try Self.rest.write(toFile: "\(folder)/rest", atomically: false, encoding: .utf8)
      let terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
      try #require(terminal >= 0)
      defer { close(terminal) }
      // TIOCSPTLCK and TIOCGPTN: macros that Swift does not import.
      var locked: Int32 = 0, number: UInt32 = 0
      try #require(ioctl(terminal, 0x4004_5431, &locked) == 0 && ioctl(terminal, 0x8004_5430, &number) == 0)
      let other = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
      try #require(other >= 0)
      var size = winsize(ws_row: 24, ws_col: 27, ws_xpixel: 0, ws_ypixel: 0)
      try #require(ioctl(other, UInt(TIOCSWINSZ), &size) == 0)
      let process = Process()
      process.executableURL = Bundle.main.executableURL?.deletingLastPathComponent().appending(path: "exitkit")
      let script = """
        cat \(folder)/head >>$EXITKIT_TRACE; while [ ! -e \(folder)/go ]; do sleep 0.02; done; cat \(folder)/rest >>$EXITKIT_TRACE
        """
      process.arguments = ["run", "--", "sh", "-c", script]
      process.environment = ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? ""].merging(variables) { $1 }
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle(fileDescriptor: other, closeOnDealloc: false)
      try process.run()
      close(other)
      var part = [UInt8](repeating: 0, count: 4096), ready = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
      while poll(&ready, 1, 60_000) > 0 {
        let count = read(terminal, &part, part.count)
        guard count > 0 else { break }  // EIO: the other end is closed
        shown += part[..<count]
        if String(decoding: shown, as: UTF8.self).contains(text) {
          _ = FileManager.default.createFile(atPath: "\(folder)/go", contents: nil)
        }
      }
      if process.isRunning { process.terminate() }
      process.waitUntilExit()
    }
    return String(decoding: shown, as: UTF8.self)
  }

  @Test func `a handler that runs long has a line of its own, and a failed handler is red`() throws {
    let shown = try show(["TERM": "xterm"], until: Self.text.long)
    let red = "\u{1b}[31m\(Self.text.failed)\u{1b}[0m\r\n"
    #expect(
      shown == Self.text.head + red + Self.text.long + Self.text.last + Self.text.end,
      "\(shown.debugDescription)")
  }

  @Test func `NO_COLOR takes the colours, and leaves the line of the handler that runs long`() throws {
    let shown = try show(["TERM": "xterm", "NO_COLOR": "1"], until: Self.text.long)
    #expect(
      shown == Self.text.head + Self.text.failed + "\r\n" + Self.text.long + Self.text.last
        + Self.text.end, "\(shown.debugDescription)")
  }

  @Test(arguments: [["TERM": "dumb"], [:]])
  func `a dumb terminal gets each handler when the handler has ended, and nothing else`(variables: [String: String])
    throws
  {
    let shown = try show(variables, until: Self.text.failed)
    #expect(
      shown == Self.text.head + Self.text.failed + "\r\n" + Self.text.last + Self.text.end, "\(shown.debugDescription)")
  }
}
