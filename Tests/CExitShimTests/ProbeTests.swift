// SPDX-License-Identifier: Apache-2.0

import ProcessSupport
import Testing

/// The probes of `run/probe.h`, as the linker leaves them in a program.
@Suite struct ProbeTests {
  @Test(needsProbes) func `a program has the probes begin and end, with their arguments`() throws {
    let build = CBuild.plain.with { $0.flags += ["-include", "sys/sdt.h"] }
    let notes = try run("readelf", ["--notes", "--wide", compile("look.c", build)])
    #expect(notes.ending == .exited(0))
    let probes = notes.output.matches(of: /Provider: exitkit\s+Name: (\w+)\s+Location:.*\s+Arguments: (.*)/)
    let found = Set(probes.map { "\($0.output.1) \($0.output.2.split(separator: " ").count)" })
    #expect(found == ["begin 3", "end 4"])
  }
}
