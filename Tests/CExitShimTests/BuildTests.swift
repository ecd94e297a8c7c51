// SPDX-License-Identifier: Apache-2.0
//
// The core as others build it: by another compiler, optimized, static, as a shared object.

import ProcessSupport
import Testing

@Suite(.disabled(if: isSanitized, "these are builds of their own"))
struct BuildTests {
  static let builds = [
    CBuild.plain.with { $0.flags = ["-O0"] },
    CBuild.plain.with { $0.flags = ["-O3", "-flto"] },
    CBuild.plain.with {
      $0.compiler = "clang"; $0.flags = ["-O2"]
    },
    CBuild.plain.with {
      $0.flags = ["-O2"]; $0.core = .shared
    },
    CBuild.plain.with {
      $0.flags = ["-O2"]; $0.programFlags = ["-static"]
    },
    CBuild.plain.with { $0.flags = ["-Oz", "-fvisibility=hidden", "-fno-plt"] },
  ]

  @Test(arguments: builds) func `the same programs do the same`(build: CBuild) throws {
    #expect(try fixture("order", ["mark"], build) == Outcome(.exited(0), output: "123456"))
    #expect(try fixture("order", ["reversed", "1000"], build) == Outcome(.exited(0), lines: "1000 ran, 0 left"))
    #expect(
      try fixture("c-ways-out", ["status"], build)
        == Outcome(.exited(7), lines: "newest: 3", "exit 9", "between: 9", "exit 7", "oldest: 7"))
    #expect(try fixture("fork", ["nothing", "_Fork"], build) == Outcome(.exited(0), lines: "child: 7", "parent's"))
    #expect(try fixture("thread-leave", ["together", "10"], build) == Outcome(.exited(0), lines: "done"))
    #expect(try fixture("model", ["1", "500"], build).ending == .exited(0))
  }
}
