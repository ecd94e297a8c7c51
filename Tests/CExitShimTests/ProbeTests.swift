// SPDX-License-Identifier: Apache-2.0

import ProcessSupport
import Testing

/// The probes of `run/probe.h`, as the linker leaves them in a program, and as a debugger meets them in a running program.
@Suite struct ProbeTests {
  private static let build = CBuild.plain.with { $0.flags += ["-include", "sys/sdt.h"] }

  /// gdb stops at a probe by the same notes from which perf and bpftrace take the addresses and the arguments.
  @Test(needsProbes, needs("gdb"), .disabled(if: isSanitized || isForeign, "a sanitizer does not run under a debugger"))
  func `probes fire at the begin and the end of each handler, with name and outcome`() throws {
    let name = "$_probe_arg0 ? (char *)$_probe_arg0 : \"-\""
    let program = try compile("trace.c", Self.build)
    let script = try emptyFolder("probes") + "/script.gdb"
    try write(
      """
      break -probe-stap exitkit:begin
      commands
      silent
      printf "begin %s\\n", \(name)
      continue
      end
      break -probe-stap exitkit:end
      commands
      silent
      printf "end %s, line %d, failed %d\\n", \(name), ($_probe_arg2 >> 2) & 0x3ffff, $_probe_arg3 != 0
      continue
      end
      run ways

      """, to: script)
    let outcome = try run("gdb", ["-nx", "-batch", "-x", script, program], deadline: 120)
    let lines = outcome.output.split(separator: "\n").map(String.init).filter {
      $0.hasPrefix("begin ") || $0.hasPrefix("end ")
    }
    #expect(lines.count == 15)
    #expect(lines.prefix(2) == ["begin listener", "end listener, line 12, failed 0"])
    #expect(lines.filter { $0.hasSuffix("failed 1") }.map { $0.hasPrefix("end sch") } == [true])
    // A handler that exits again has no end: the next handler begins.
    #expect(lines.suffix(3) == ["begin again", "begin log", "end log, line 12, failed 0"])
  }

  @Test(needsProbes) func `a program has the probes begin and end, with their arguments`() throws {
    let notes = try run("readelf", ["--notes", "--wide", compile("look.c", Self.build)])
    #expect(notes.ending == .exited(0))
    let probes = notes.output.matches(of: /Provider: exitkit\s+Name: (\w+)\s+Location:.*\s+Arguments: (.*)/)
    let found = Set(probes.map { "\($0.output.1) \($0.output.2.split(separator: " ").count)" })
    #expect(found == ["begin 3", "end 4"])
  }
}
