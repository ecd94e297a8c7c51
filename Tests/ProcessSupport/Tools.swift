// SPDX-License-Identifier: Apache-2.0
//
// Tests that need a tool which not every machine has: a condition on the test skips the test where the tool is missing, and
// `.ci/run` counts the skipped tests. `Scripts/need` installs the tools before `make test`.

import Glibc
import Testing

/// Whether a folder of PATH has this program.
public func isInstalled(_ tool: String) -> Bool {
  let path = getenv("PATH").map { String(cString: $0) } ?? ""
  return path.split(separator: ":").contains { access("\($0)/\(tool)", X_OK) == 0 }
}

/// For a test of the probes, which a core has that was compiled where this header was (Debian: systemtap-sdt-dev).
public let needsProbes: ConditionTrait = .enabled("no <sys/sdt.h>") {
  let build = CBuild.plain
  let outcome = try run(build.compiler, build.flags + ["-include", "sys/sdt.h", "-E", "-xc", "/dev/null"])
  return !isForeign && outcome.ending == .exited(0)
}

/// For a test that compiles C++ without the C++ library, as for another libc.
public let needsCxxCompiler: ConditionTrait = .enabled(if: isInstalled("c++"), "no C++ compiler")

/// For a test that compiles C++ with the C++ library.
public let needsCxx: ConditionTrait = .enabled(if: isInstalled("c++") && !isForeign, "no C++ compiler for this libc")
