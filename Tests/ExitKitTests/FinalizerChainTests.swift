// SPDX-License-Identifier: Apache-2.0
//
// Chains: a finalizer holds the last reference to an object with a finalizer, and so on.

import ExitKit
import Glibc
import Testing

private final class Link: Sendable {}

/// The first object of a chain. `body` is called with the position in the chain, after the next object has died.
@inline(never) private func makeChain(_ length: Int, _ body: @escaping @Sendable (Int) -> Void) -> Link? {
  var next: Link?
  for position in (0..<length).reversed() {
    let link = Link()
    let holder = Holder(next)
    finalize(link) {
      holder.letGo()
      body(position)
    }
    next = link
  }
  return next
}

/// Only the finalizer that captures it uses it.
private final class Holder: @unchecked Sendable {
  private var link: Link?
  init(_ link: Link?) { self.link = link }
  func letGo() { link = nil }
}

@Suite struct FinalizerChainTests {
  /// On a stack of 8 MiB a chain came to 4,400 objects in a debug build, when finalizers stood on top of each other.
  @Test func `a chain of 100,000 finalizers that hold the next object runs to its end`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let ran = Counter()
      var first = makeChain(100_000) { _ in ran.add() }
      drop(&first)
      exit(ran.value == 100_000 ? 0 : 1)
    }
  }

  @Test func `so does a chain that an exit starts`() async {
    await #expect(processExitsWith: .exitCode(3)) {
      let ran = Counter()
      atExit { ExitStack.process.exit(ran.value == 100_000 ? 3 : 1) }
      let first = Holder(makeChain(100_000) { _ in ran.add() })
      atExit { first.letGo() }
      exit(0)
    }
  }

  @Test func `finalizers run up to 32 deep inside each other, deeper finalizers afterwards`() {
    let log = Log()
    let thread = pthread_self()
    var first = makeChain(40) { log.note("\($0)\(pthread_equal(thread, pthread_self()) != 0 ? "" : "elsewhere")") }
    drop(&first)
    let inside = Array((0..<32).reversed()), after = Array((32..<40).reversed())
    #expect(log.all == (inside + after).map(String.init))
  }

  @Test func `exit runs a deep finalizer that is still pending`() async {
    let result = await #expect(processExitsWith: .exitCode(5), observing: [\.standardOutputContent]) {
      var first = makeChain(34) { position in
        if position == 31 { exit(5) }
        print(position)
      }
      drop(&first)
    }
    #expect(String(decoding: result?.standardOutputContent ?? [], as: UTF8.self) == "33\n32\n")
  }

  @Test func `the end of a thread within a chain leaves the rest pending for the exit`() async {
    let result = await #expect(processExitsWith: .exitCode(0), observing: [\.standardOutputContent]) {
      var thread = pthread_t()
      pthread_create(
        &thread, nil,
        { _ in
          var first = makeChain(34) { position in
            if position == 31 { pthread_exit(nil) }
            print(position)
          }
          drop(&first)
          return nil
        }, nil)
      pthread_join(thread, nil)
      print("joined")
      exit(0)
    }
    #expect(String(decoding: result?.standardOutputContent ?? [], as: UTF8.self) == "joined\n33\n32\n")
  }
}

private final class Counter: @unchecked Sendable {
  private(set) var value = 0
  func add() { value += 1 }
}
