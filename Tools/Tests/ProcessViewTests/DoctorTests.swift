// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import ToolSupport

@testable import ProcessView

@Suite struct DoctorTests {
  private func findings(isRunning: Bool = true, _ lines: Substring...) -> [String] {
    Doctor(objects: [], status: Status(lines), isRunning: isRunning).findings().map(\.what)
  }

  @Test func `ignored and blocked signals are found`() {
    let found = findings("SigBlk:\t0000000000000002", "SigIgn:\t0000000000004000", "SigCgt:\t0000000000000001")
    #expect(found.contains { $0.hasPrefix("SIGTERM: ignored") })
    #expect(found.contains { $0.hasPrefix("SIGINT: blocked") })
  }

  @Test func `a blocked signal that the process takes is no finding, as a thread may wait`() {
    #expect(!findings("SigBlk:\t0000000000004000", "SigCgt:\t0000000000004000").contains { $0.contains("SIGTERM") })
  }

  @Test func `SIGTERM that nothing takes is a finding in a process, and unknown of a program`() {
    #expect(findings().contains { $0.hasPrefix("SIGTERM: nothing takes it") })
    #expect(!findings(isRunning: false).contains { $0.contains("SIGTERM") })
  }

  @Test func `process number 1 of a container is found`() {
    #expect(findings("NSpid:\t4711\t1").contains { $0.hasPrefix("The process is number 1") })
    #expect(!findings("NSpid:\t4711").contains { $0.hasPrefix("The process is number 1") })
  }

  @Test func `a program without the library is told so`() throws {
    let doctor = try Doctor(program: "/proc/self/exe")
    #expect(doctor.findings().contains { $0.what.hasPrefix("The program has no ExitKit") })
    #expect(doctor.objects.count > 1, "libraries are found by their names")
  }

  @Test func `the objects of a process are found`() throws {
    #expect(try Doctor(process: Int(getpid())).objects.contains { $0.path.contains("libc.so") })
  }

  // MARK: Settings

  private func settled(_ settings: Doctor.Settings, _ lines: Substring...) -> [String] {
    Doctor(objects: [], status: Status(lines), isRunning: true, settings: settings).findings().map(\.what)
  }

  @Test func `no deadline is a finding, where the memory of the process may be read`() {
    #expect(settled(.init(deadline: 0, signals: [])).contains { $0.hasPrefix("No deadline") })
    #expect(!settled(.init(deadline: 1, signals: [])).contains { $0.hasPrefix("No deadline") })
    #expect(!findings().contains { $0.hasPrefix("No deadline") })
  }

  @Test func `a signal that was to become an exit, and that nothing takes now, is one finding`() {
    let found = settled(
      .init(deadline: 1, signals: [10, 15]), "SigIgn:\t0000000000004000", "SigCgt:\t0000000000000000"
    )
    .filter { $0.contains("SIGTERM") }
    #expect(found.map { String($0.prefix { $0 != "," }) } == ["SIGUSR1"])
    let taken = settled(.init(deadline: 1, signals: [15]), "SigCgt:\t0000000000004000")
    #expect(!taken.contains { $0.contains("SIGTERM") })
  }

  @Test(.enabled(if: find("cc") != nil), arguments: ["", "deadline", "signal", "reset"])
  func `deadline and signals of a live process are read`(settings: String) throws {
    try inFolder { folder in
      let program = try compile(
        """
        #include <CExitShim.h>
        #include <signal.h>
        #include <stdio.h>
        #include <string.h>
        #include <unistd.h>
        static void work(void) {}
        int main(int count, char **arguments) {
          sigset_t none;
          sigemptyset(&none);
          sigprocmask(SIG_SETMASK, &none, NULL);
          const char *way = arguments[1];
          cexit_atexit(work);
          if (strcmp(way, "deadline") == 0) cexit_set_deadline(5000000000);
          if (strcmp(way, "signal") == 0 || strcmp(way, "reset") == 0) cexit_exit_on_signals((int[]){SIGTERM}, 1);
          if (strcmp(way, "reset") == 0) signal(SIGTERM, SIG_DFL);
          puts("ready");
          fflush(stdout);
          for (;;) pause();
        }
        """, into: "\(folder)/program", .core)
      let process = Process(), output = Pipe()
      process.executableURL = URL(filePath: program)
      process.arguments = [settings]
      process.standardOutput = output
      try process.run()
      defer {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
      }
      #expect(output.fileHandleForReading.availableData == Data("ready\n".utf8))
      let found = try Doctor(process: Int(process.processIdentifier)).findings().map(\.what)
      #expect(found.contains { $0.hasPrefix("No deadline") } == (settings != "deadline"))
      #expect(found.contains { $0.hasPrefix("SIGTERM: was to become an exit") } == (settings == "reset"))
      let isTaken = settings == "signal" || settings == "reset"
      #expect(found.contains { $0.hasPrefix("SIGTERM: nothing takes it") } == !isTaken, "\(found)")
      #expect(!found.contains { $0.contains("Two copies") || $0.contains("no ExitKit") })
    }
  }

  // MARK: Objects

  private func library(_ path: String, _ text: String = "int nothing;") throws -> Object {
    try #require(Object(compile(text, into: path, .alone, ["-shared", "-fPIC", "-nostdlib"])))
  }

  private func look(_ objects: Object...) -> [String] {
    Doctor(objects: objects, status: Status([]), isRunning: false).findings().map(\.what)
  }

  @Test(.enabled(if: find("cc") != nil), arguments: [("2.36", true), ("2.40", true), ("2.41", false), ("2.42", false)])
  func `a libc whose plain exit is unsafe with threads is found`(version: String, isUnsafe: Bool) throws {
    try inFolder { folder in
      let libc = try library(
        "\(folder)/libc.so.6", #"const char banner[] = "GNU C Library (Test) stable release version \#(version).\n";"#)
      #expect(look(libc).contains { $0.hasPrefix("glibc \(version): plain exit") } == isUnsafe)
      let musl = try library("\(folder)/ld-musl-x86_64.so.1")
      #expect(look(musl).contains { $0.hasPrefix("musl: plain exit") })
    }
  }

  @Test(.enabled(if: find("cc") != nil)) func `two copies that cannot share a stack are found`() throws {
    func copy(_ sharing: Int) -> String {
      """
      static struct { unsigned sharing, size, claimed; } copy __attribute__((used)) = {\(sharing), 12, 0};
      __asm__(".pushsection .note.CExitShim, \\"a\\", %note\\n.balign 4\\n.long 10, 4, 1\\n.asciz \\"CExitShim\\"\\n"
              ".balign 4\\n.long copy - .\\n.popsection");
      """
    }
    try inFolder { folder in
      let first = try library("\(folder)/a.so", copy(1)), other = try library("\(folder)/b.so", copy(2))
      #expect(look(first, other).contains { $0.hasPrefix("Two copies of the library") })
      #expect(!look(first, first).contains { $0.contains("Two copies") || $0.contains("no ExitKit") })
    }
  }

  /// A program, and libraries that have names and nothing else.
  private func findings(of linked: Linked, with libraries: [String] = []) throws -> [String] {
    var found: [String] = []
    try inFolder { folder in
      for name in libraries { _ = try library("\(folder)/\(name)") }
      let program = try compile(
        "#include <CExitShim.h>\nstatic void work(void) {}\nint main(void) { return cexit_atexit(work); }",
        into: "\(folder)/program", linked,
        ["-Wl,-rpath,\(folder)", "-Wl,--no-as-needed"] + libraries.map { "\(folder)/\($0)" })
      found = try Doctor(program: program).findings().map(\.what)
    }
    return found
  }

  @Test(.enabled(if: find("cc") != nil))
  func `libraries that clean up before older handlers are found, and no other libraries`() throws {
    func late(_ libraries: [String]) throws -> [String] {
      let found = try findings(of: .core, with: libraries).filter { $0.contains("may be gone") }
      return found.map { String($0.prefix { $0 != ":" }) }
    }
    #expect(try late(["libssl.so.3"]) == ["OpenSSL"])
    #expect(try late(["libcurl.so.4", "libcrypto.so.3"]) == ["OpenSSL, libcurl"])
    #expect(try late(["libpython3.11.so.1.0"]) == ["Python"])
    #expect(try late(["libglib-2.0.so.0", "libgomp.so.1", "libsqlite3.so.0"]) == [])
  }

  @Test(.enabled(if: find("cc") != nil))
  func `the library is found in a program, and CExitFirst in front of libc`() throws {
    let core = try findings(of: .core)
    #expect(!core.contains { $0.contains("no ExitKit") })
    let found = try findings(of: .first, with: ["libssl.so.3"])
    #expect(!found.contains { $0.contains("plain exit") || $0.contains("may be gone") || $0.contains("no ExitKit") })
  }

  @Test func `a file that is no program is refused`() {
    #expect(throws: Doctor.Refusal.noProgram) { try Doctor(program: "/etc/passwd") }
    #expect(throws: Doctor.Refusal.noProcess) { try Doctor(process: 0) }
  }
}
