// SPDX-License-Identifier: Apache-2.0
//
// Finalizers in programs that are built in other ways than the tests are.

import ProcessSupport
import Testing

#if arch(x86_64) || arch(arm64)
  @Suite struct FinalizerBuildTests {
    static let optimized = build("-O", "-cross-module-optimization")
    static let kinds = [
      "plain", "under its parent's type", "derived", "final", "generic", "generic again", "actor", "buffer", "error",
      "isolated",
    ]

    static func build(_ flags: String...) -> SwiftBuild {
      var build = SwiftBuild()
      build.flags = flags
      build.core = .plain.with {
        $0.compiler = "clang"; $0.flags = ["-O2"]
      }
      return build
    }

    static func isDerived(_ kind: String) -> Bool { kind == "derived" || kind == "under its parent's type" }

    static let prompt =
      kinds.map { "\($0): prompt: deinit \(isDerived($0) ? "deinit " : "")finalizer" }
      + ["at exit: constant", "at exit: kept", "late: "]

    @Test func `optimized across modules`() throws {
      let program = try compileSwift(["finalizer-build.swift"], Self.optimized)
      #expect(try run(program, []) == Outcome(.exited(0), output: Self.prompt.map { $0 + "\n" }.joined()))
    }

    @Test func `with Swift's libraries in the program`() throws {
      var build = Self.optimized
      build.programFlags = ["-static-stdlib"]
      let program = try compileSwift(["finalizer-build.swift"], build)
      #expect(try run(program, []) == Outcome(.exited(0), output: Self.prompt.map { $0 + "\n" }.joined()))
    }

    /// The first finalizer of all tries the runtime, and does not trust this one.
    @Test func `with another runtime the next registration or the exit runs finalizers`()
      throws
    {
      let core = CBuild.plain.with {
        $0.compiler = "clang"; $0.flags = ["-O2"]
      }
      var build = Self.optimized
      build.objects = [try compileObject("finalizer-build-counted.c", core)]
      let outcome = try run(compileSwift(["finalizer-build.swift"], build), [])
      #expect(outcome.ending == .exited(0))
      #expect(outcome.errors == "")
      var expected: [String] = []
      for (index, kind) in Self.kinds.enumerated() {
        let swept = index == 0 ? "" : "finalizer "
        expected.append("\(kind): swept: \(swept)deinit\(Self.isDerived(kind) ? " deinit" : "")")
      }
      expected += ["at exit: constant", "at exit: kept", "late: finalizer"]
      #expect(outcome.output == expected.map { $0 + "\n" }.joined())
    }
  }
#endif
