// SPDX-License-Identifier: Apache-2.0
// Finalizers of objects of every kind of class: one line for each, with what happened when the object died.

import ExitKit
import Synchronization

final class Log: Sendable {
  private let steps = Mutex<[String]>([])
  func note(_ step: String) { steps.withLock { $0.append(step) } }
  func take() -> String {
    steps.withLock { steps in
      defer { steps = [] }; return steps.joined(separator: " ")
    }
  }
}

let log = Log()

class Plain {
  deinit { log.note("deinit") }
}
class Derived: Plain {
  let text = "derived"
  deinit { log.note("deinit") }
}
final class Final { deinit { log.note("deinit") } }
final class Generic<Element> {
  let element: Element
  init(_ element: Element) { self.element = element }
  deinit { log.note("deinit") }
}
actor Worker { deinit { log.note("deinit") } }
final class Buffer: ManagedBuffer<Int, Int> { deinit { log.note("deinit") } }
final class Failure: Error { deinit { log.note("deinit") } }
@MainActor final class View {
  nonisolated init() {}
  isolated deinit { log.note("deinit") }
}
final class Constant: Sendable {
  static let shared = Constant()
}

@inline(never) func watch<Object: AnyObject>(_ object: consuming Object) -> Bool {
  finalize(object) { log.note("finalizer") }.isPrompt
}

@inline(never) func die<Object: AnyObject>(_ kind: String, _ make: () -> Object) {
  let isPrompt = watch(make())
  print("\(kind): \(isPrompt ? "prompt" : "swept"): \(log.take())")
}

@inline(never) func make(_ count: Int) -> Buffer {
  unsafeDowncast(Buffer.create(minimumCapacity: count) { _ in 0 }, to: Buffer.self)
}

die("plain") { Plain() }
die("under its parent's type") { Derived() as Plain }
die("derived") { Derived() }
die("final") { Final() }
die("generic") { Generic(1) }
die("generic again") { Generic("text") }
die("actor") { Worker() }
die("buffer") { make(4) }
die("error") { Failure() }
die("isolated") { View() }

let kept = Final()
finalize(kept) { print("at exit: kept") }
finalize(Constant.shared) { print("at exit: constant") }
atExit(phase: .late) { print("late: \(log.take())") }
