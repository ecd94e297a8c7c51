// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ExitTrace
import Glibc
import ProcessView

struct DumpStacks: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump",
    abstract: "Shows the exit stacks of a live process or of a core file, without the help of the process.",
    discussion: "A process of the same user may be read where /proc/sys/kernel/yama/ptrace_scope is 0; else by root.")

  @Argument(help: "The number of a process, or the path of a core file.")
  var target: String

  func run() throws {
    do {
      for line in try lines() { try write(printable(line) + "\n", to: 1) }
    } catch Dump.Refusal.noLibrary {
      throw Failure("\(printable(target)): no ExitKit of a known layout is in the process")
    } catch Dump.Refusal.nothingRegistered {
      throw Failure("\(printable(target)): ExitKit is in the process, and nothing was registered")
    }
  }

  private func lines() throws -> [String] {
    if let process = Int(target) {
      guard let memory = LiveMemory(process) else {
        throw Failure("process \(target): its memory cannot be read", errno)
      }
      return try Dump.of(memory, process: process)
    }
    guard let memory = CoreMemory(target) else { throw Failure("\(printable(target)): no core file of 64 bits") }
    return try Dump.of(memory, process: memory.process)
  }
}
