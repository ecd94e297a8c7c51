// SPDX-License-Identifier: Apache-2.0
// One small program a case; the first argument names it.

import Glibc
import Ways

typealias Case = @MainActor () async throws -> Void

@main struct Cases {
  static func main() async throws {
    let all = failureCases.merging(exitCases) { $1 }.merging(forkCases) { $1 }.merging(notRunCases) { $1 }.merging(
      traceCases
    ) { $1 }.merging(
      processStackCases
    ) { $1 }
    guard let chosen = all[CommandLine.arguments.dropFirst().first ?? ""] else { _exit(98) }
    try await chosen()
  }
}
