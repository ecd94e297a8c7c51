// SPDX-License-Identifier: Apache-2.0

import Glibc
import ProcessSupport
import Testing

/// A program's changes outside of the program are undone after each way out.
@Suite struct RealProgramTests {
  static let ways: [(way: String, ending: Ending)] = [
    ("return", .exited(0)), ("exit", .exited(3)), ("ExitStack.exit", .exited(3)), ("thread", .exited(3)),
    ("throw", .exited(1)), ("failing handler", .exited(0)), ("signal", .signaled(SIGTERM)), ("deadline", .exited(3)),
  ]

  func leave(_ what: String, _ place: String, _ way: String, meanwhile: () -> Void) throws -> Ending {
    let child = try ChildProcess(builtProgram("SignalWays"), [what, place, way])
    if way == "signal" {
      #expect(child.waitForOutput("ready"))
      meanwhile()
      child.send(SIGTERM)
    }
    let outcome = child.finish()
    #expect(outcome.output == (way == "signal" ? "ready\n" : ""))
    return outcome.ending
  }

  @Test(arguments: ways)
  func `a terminal in raw mode has its settings back`(way: String, ending: Ending) throws {
    let terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    defer { close(terminal) }
    var number: CInt = 0
    var locked: CInt = 0
    let isReady = ioctl(terminal, 0x4004_5431, &locked) == 0 && ioctl(terminal, 0x8004_5430, &number) == 0
    try #require(isReady, "TIOCSPTLCK, TIOCGPTN")
    let path = "/dev/pts/\(number)"
    let line = open(path, O_RDWR | O_NOCTTY)  // kept open: the settings go with the last descriptor
    defer { close(line) }
    let before = Settings(line)
    #expect(before.isCooked)
    let left = try leave("terminal", path, way) { #expect(!Settings(line).isCooked) }
    #expect(left == ending)
    #expect(Settings(line) == before)
  }

  @Test(arguments: ways)
  func `a temporary directory is gone at exit, but not by a forked child`(way: String, ending: Ending) throws {
    var template = Array(("/tmp/exitkit-test-" + String(repeating: "X", count: 6)).utf8CString)
    #expect(mkdtemp(&template) != nil)
    let path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    defer { rmdir(path) }
    let left = try leave("directory", path, way) { #expect(access(path + "/own/file", F_OK) == 0) }
    #expect(left == ending)
    #expect(access(path + "/own", F_OK) != 0)
  }
}

private struct Settings: Equatable {
  let flags: [tcflag_t]
  let isCooked: Bool

  init(_ terminal: Int32) {
    var settings = termios()
    tcgetattr(terminal, &settings)
    flags = [settings.c_iflag, settings.c_oflag, settings.c_cflag, settings.c_lflag]
    isCooked = settings.c_lflag & tcflag_t(ICANON) != 0
  }
}
