// SPDX-License-Identifier: Apache-2.0

#if AtExitMacro
  import ExitKitMacros
  import SwiftSyntaxMacroExpansion
  import SwiftSyntaxMacrosGenericTestSupport
  import Testing

  /// Expands `@AtExit` in `source`; each difference from what is expected is an issue of the calling test.
  func expectExpansion(
    of source: String, to expanded: String, refused diagnostics: [DiagnosticSpec] = [], fixed: String? = nil,
    at location: SourceLocation = #_sourceLocation
  ) {
    assertMacroExpansion(
      source, expandedSource: expanded, diagnostics: diagnostics,
      macroSpecs: ["AtExit": MacroSpec(type: AtExitMacro.self)], applyFixIts: fixed.map { _ in nil } ?? [],
      fixedSource: fixed, indentationWidth: .spaces(2),
      failureHandler: { Issue.record("\($0.message)", sourceLocation: location) })
  }

  @Suite struct `Expansion of the attribute` {
    @Test func `a function is handed over by reference with its name and place`() {
      expectExpansion(
        of: """
          @AtExit func allDone() {}
          """,
        to: """
          func allDone() {}

          @used @section(".init_array") nonisolated private let __macro_local_12register_1_1fMu_: @convention(c) @Sendable () -> Void = {
            let body: @Sendable @isolated(any) () throws -> Void = allDone
            ExitKit.atExit(name: "allDone", file: "TestModule/test.swift", line: 1, body)
          }
          """)
    }

    @Test func `the attribute's arguments go on to atExit`() {
      expectExpansion(
        of: """
          @AtExit(name: Names.flush, phase: .late, inForkedChildren: true)
          private func flush() throws {}
          """,
        to: """
          private func flush() throws {}

          @used @section(".init_array") nonisolated private let __macro_local_12register_1_1fMu_: @convention(c) @Sendable () -> Void = {
            let body: @Sendable @isolated(any) () throws -> Void = flush
            ExitKit.atExit(name: Names.flush, phase: .late, inForkedChildren: true, file: "TestModule/test.swift", line: 1, body)
          }
          """)
    }

    @Test func `a static method is named with its types and registers in a static constant`() {
      expectExpansion(
        of: """
          extension App.Log {
            enum Sink {
              @AtExit static func `defer`(exit: ExitContext) async throws {}
            }
          }
          """,
        to: """
          extension App.Log {
            enum Sink {
              static func `defer`(exit: ExitContext) async throws {}

              @used @section(".init_array") nonisolated private static let __macro_local_12register_3_5fMu_: @convention(c) @Sendable () -> Void = {
                let body: @Sendable @isolated(any) (ExitKit.ExitContext) async throws -> Void = { exit in
                  try await `defer`(exit: exit)
                }
                ExitKit.atExit(name: "App.Log.Sink.defer", file: "TestModule/test.swift", line: 3, body)
              }
            }
          }
          """)
    }

    @Test func `a function that must be called is called from beside, with its isolation`() {
      expectExpansion(
        of: """
          @AtExit @MainActor func count(_ number: Int = 1) throws -> Int { number }
          """,
        to: """
          @MainActor func count(_ number: Int = 1) throws -> Int { number }

          @MainActor private func __macro_local_8call_1_1fMu_() throws {
            _ = try count()
          }

          @used @section(".init_array") nonisolated private let __macro_local_12register_1_1fMu_: @convention(c) @Sendable () -> Void = {
            let body: @Sendable @isolated(any) () throws -> Void = __macro_local_8call_1_1fMu_
            ExitKit.atExit(name: "count", file: "TestModule/test.swift", line: 1, body)
          }
          """)
    }
  }
#endif
