// SPDX-License-Identifier: Apache-2.0
//
// Many threads at once, against a model that counts. A finalizer ends in exactly one of four ways: run by the death of
// its object, run by a call, run by its stack, or detached. EXITKIT_STRESS_SECONDS is the time for each test. The case
// is number 36 of CPython's, with CPython's experiment of four threads that call the same finalizer.

import ExitKit
import Glibc
import Synchronization
import Testing

private struct Random {
  var state: UInt64
  mutating func next(_ limit: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % limit
  }
}

/// How often a finalizer ran, and how often a caller detached the finalizer.
private final class Fate: Sendable {
  let ran = Atomic(0), detached = Atomic(0)
}

private struct Slot {
  var thing: Thing?
  var finalizer: Finalizer<Thing, Int>?
  var fate: Fate?
}

/// A value for one thread at a time; waiting threads spin. The thread sanitizer does not see the order that the kernel
/// makes between threads that wait for a `Mutex`.
private final class Guarded<Value: Sendable>: Sendable {
  private let value: Mutex<Value>
  private let isTaken = Atomic(false)

  init(_ value: Value) { self.value = Mutex(value) }

  func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
    while isTaken.exchange(true, ordering: .acquiring) { sched_yield() }
    defer { isTaken.store(false, ordering: .releasing) }
    return value.withLock { value in body(&value) }
  }
}

@Suite(.serialized) struct FinalizerStressTests {
  @Test func `four threads at random: each finalizer ends in exactly one way`() {
    let seconds = getenv("EXITKIT_STRESS_SECONDS").flatMap { Double(String(cString: $0)) } ?? 0.3
    let end = ContinuousClock.now + .seconds(seconds)
    let stack = ExitStack("stress")
    let slots = (0..<64).map { _ in Guarded(Slot()) }
    let fates = Guarded<[Fate]>([])
    let mistakes = Atomic(0)

    inThreads(4) { thread in
      var random = Random(state: UInt64(thread) &* 77 &+ 1), own: [Fate] = []
      while ContinuousClock.now < end {
        for _ in 0..<100 {
          let shared = slots[random.next(slots.count)]
          let slot = shared.withLock { $0 }
          switch random.next(16) {
          case 0..<5:
            let fate = Fate(), thing = slot.thing != nil && random.next(2) == 0 ? slot.thing! : Thing()
            let finalizer = stack.finalize(thing) { fate.ran.add(1, ordering: .relaxed).newValue }
            own.append(fate)
            shared.withLock { $0 = Slot(thing: thing, finalizer: finalizer, fate: fate) }
          case 5..<8:
            shared.withLock { $0.thing = nil }
          case 8..<10:
            if let result = try? slot.finalizer?(), result != 1 { mistakes.add(1, ordering: .relaxed) }
          case 10..<12:
            if slot.finalizer?.detach() != nil { slot.fate!.detached.add(1, ordering: .relaxed) }
          case 12..<14:
            if let peeked = slot.finalizer?.peek(), let thing = slot.thing, peeked !== thing, slot.finalizer!.isAlive {
              mistakes.add(1, ordering: .relaxed)
            }
          case 14:
            slot.finalizer?.runsAtExit = random.next(2) == 0
          default:
            if random.next(200) == 0 { stack.run() }
          }
        }
      }
      fates.withLock { $0 += own }
    }

    for shared in slots { shared.withLock { $0.thing = nil } }
    #expect(stack.count == 0)
    #expect(mistakes.load(ordering: .relaxed) == 0)
    let all = fates.withLock { $0 }
    #expect(all.count > 100)
    let wrong = all.filter { $0.ran.load(ordering: .relaxed) + $0.detached.load(ordering: .relaxed) != 1 }
    #expect(wrong.count == 0, "of \(all.count)")
  }

  @Test func `four threads call a finalizer: a single thread runs the body and has the result`() {
    let stack = ExitStack("calls")
    let things = (0..<200).map { _ in Thing() }
    let ran = Atomic(0), results = Atomic(0)
    let finalizers = things.map { stack.finalize($0) { ran.add(1, ordering: .relaxed).newValue } }
    inThreads(4) { _ in
      for finalizer in finalizers where (try? finalizer()) != nil { results.add(1, ordering: .relaxed) }
    }
    #expect(ran.load(ordering: .relaxed) == 200)
    #expect(results.load(ordering: .relaxed) == 200)
    withExtendedLifetime(things) {}
  }

  @Test func `a thread runs the stack while other threads make, keep and drop objects`() {
    let stack = ExitStack("drained")
    let made = Atomic(0), ran = Atomic(0), working = Atomic(3)
    inThreads(4) { thread in
      if thread == 0 {
        while working.load(ordering: .relaxed) != 0 { stack.run() }
        return
      }
      var kept: [Thing] = []
      for i in 0..<2_000 {
        let thing = Thing()
        stack.finalize(thing, phase: ExitPhase.allCases[i % 3]) { _ = ran.add(1, ordering: .relaxed) }
        made.add(1, ordering: .relaxed)
        if i % 2 == 0 { kept.append(thing) }
        if i % 100 == 0 { kept.removeAll() }
      }
      working.subtract(1, ordering: .relaxed)
    }
    stack.run()
    #expect(ran.load(ordering: .relaxed) == made.load(ordering: .relaxed))
    #expect(stack.count == 0)
  }

  @Test func `peeking at objects that die on another thread gives the object or nothing`() {
    let stack = ExitStack("peeks")
    let shared = Guarded(Slot())
    let isOver = Atomic(false)
    inThreads(2) { thread in
      if thread == 0 {
        for _ in 0..<5_000 {
          let thing = Thing()
          let finalizer = stack.finalize(thing) { 0 }
          shared.withLock { $0.finalizer = finalizer }
        }
        isOver.store(true, ordering: .relaxed)
      } else {
        while !isOver.load(ordering: .relaxed) {
          let finalizer = shared.withLock { $0.finalizer }
          if let thing = finalizer?.peek() { withExtendedLifetime(thing) { _ = "\(thing)" } }
        }
      }
    }
    #expect(stack.count == 0)
  }
}
