// SPDX-License-Identifier: Apache-2.0
//
// Random programs, run on the library and on a model of its contract: Tests/Fixtures/model.c. A seed that differs is
// printed with the steps that led there, and
//
//   EXITKIT_MODEL_SEED=<seed> swift test --filter ModelTests
//
// replays that one program.

import CExitShim
import ProcessSupport
import Testing

@Suite struct ModelTests {
  @Test func `the library and the model agree in 20,000 random programs`() throws {
    let seed = getenv("EXITKIT_MODEL_SEED").map { String(cString: $0) }
    let count = seed == nil ? 20_000 * stress : 1
    let outcome = try fixture("model", [seed ?? "1", "\(count)"])
    #expect(outcome.ending == .exited(0), "\(outcome.output)\(outcome.errors)")
    #expect(outcome.output.hasPrefix("\(count) programs"), "\(outcome.output)")
  }
}
