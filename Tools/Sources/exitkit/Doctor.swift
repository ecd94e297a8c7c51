// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ExitTrace
import ProcessView

struct Examine: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Tells what would keep clean-up from running in a program or a process.",
    discussion: "Status 0: nothing was found. Status 1: something was, or the program cannot be read.")

  @Argument(help: "The path of a program, or the number of a process.")
  var target: String

  func run() throws {
    let doctor: Doctor
    do {
      doctor = try Int(target).map { try Doctor(process: $0) } ?? Doctor(program: target)
    } catch Doctor.Refusal.noProcess {
      throw Failure("process \(target): there is none, or it may not be looked at")
    } catch {
      throw Failure("\(printable(target)): no ELF program of 64 bits; a program needs its path, such as ./server")
    }
    let findings = doctor.findings()
    for finding in findings { try write("\(printable(finding.what))\n  → \(finding.advice)\n", to: 1) }
    if findings.isEmpty { try write("Nothing found.\n", to: 1) } else { throw ExitCode(1) }
  }
}
