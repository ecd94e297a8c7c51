// SPDX-License-Identifier: Apache-2.0

import Testing

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

  @Test func `a blocked signal that the process takes is no finding, because a thread may wait for the signal`() {
    #expect(!findings("SigBlk:\t0000000000004000", "SigCgt:\t0000000000004000").contains { $0.contains("SIGTERM") })
  }

  @Test func `SIGTERM that nothing takes is a finding in a process, and cannot be known of a program`() {
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

  @Test func `what is no program is refused`() {
    #expect(throws: Doctor.Refusal.noProgram) { try Doctor(program: "/etc/passwd") }
    #expect(throws: Doctor.Refusal.noProcess) { try Doctor(process: 0) }
  }
}
