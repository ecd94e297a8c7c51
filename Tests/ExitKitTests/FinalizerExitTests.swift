// SPDX-License-Identifier: Apache-2.0
//
// Finalizers at the end of the process; each test runs in a process of its own. The tests cover cases 29, 35 and 37 of
// CPython's tests, and rows F10 to F25, where ExitKit's finalizers promise more than CPython's.

import ExitKit
import Glibc
import Synchronization
import Testing

private let exitTest: [PartialKeyPath<ExitTest.Result> & Sendable] = [\.standardOutputContent, \.standardErrorContent]

extension ExitTest.Result? {
  fileprivate var output: [String] { lines(self?.standardOutputContent ?? []) }
  fileprivate var errors: [String] { lines(self?.standardErrorContent ?? []) }
  private func lines(_ bytes: [UInt8]) -> [String] {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
  }
}

/// An object that lives as long as the process.
private let kept = Thing()
private let global = "global"

/// `fork`, found by name, since Swift hides the function.
private func child(_ body: () -> Never) {
  let fork = unsafeBitCast(dlsym(nil, "fork"), to: (@convention(c) () -> pid_t).self)
  fflush(nil)
  let identifier = fork()
  if identifier == 0 { body() }
  var status: Int32 = 0
  while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
  print("child ended with \(status)")
}

private final class Node {
  var other: Node?
}

/// The optimizer puts this object into the program's data.
private final class Constant: Sendable {
  let value = 1
  static let shared = Constant()
}

@Suite struct FinalizerExitTests {
  @Test func `at exit finalizers run newest first, new finalizers next, and none asleep`() async {
    let result = await #expect(processExitsWith: .exitCode(0), observing: exitTest) {
      finalize(kept) { print("f1 \(global)") }
      finalize(kept) { print("f2 \(global)") }.runsAtExit = false
      finalize(kept, name: "f3") {
        finalize(kept) { print("g1") }
        print("f3")
        throw Refused()
      }
      finalize(kept) { print("f4 \(global)") }
      exit(0)
    }
    #expect(result.output == ["f4 global", "f3", "g1", "f1 global"])
    #expect(result.errors.count == 1)
    #expect(result.errors.first?.contains("\"f3\"") == true)
    #expect(result.errors.first?.hasSuffix("Refused()") == true)
  }

  @Test func `handlers and finalizers have one order, whichever kind is registered first`() async {
    let result = await #expect(processExitsWith: .exitCode(0), observing: exitTest) {
      atExit { print("h0") }
      finalize(kept) { print("fin1") }
      atExit { print("h1") }
      finalize(kept) { print("fin2") }
      atExit { print("h2") }
      exit(0)
    }
    #expect(result.output == ["h2", "fin2", "h1", "fin1", "h0"])
  }

  @Test func `the first finalizer of all may be made in a handler`() async {
    let result = await #expect(processExitsWith: .exitCode(0), observing: exitTest) {
      atExit { print("older") }
      atExit {
        let finalizer = finalize(kept) { print("finalizer") }
        print("handler \(finalizer.isAlive)")
      }
      exit(0)
    }
    #expect(result.output == ["handler true", "finalizer", "older"])
  }

  @Test func `a finalizer runs next if a handler older than all finalizers makes the finalizer`() async {
    let result = await #expect(processExitsWith: .exitCode(0), observing: exitTest) {
      atExit { print("older") }
      atExit {
        finalize(kept) { print("made at exit") }
        print("handler")
      }
      finalize(kept) { print("finalizer") }
      exit(0)
    }
    #expect(result.output == ["finalizer", "handler", "made at exit", "older"])
  }

  @Test func `cancelled finalizers do not run when their object dies, and new finalizers do`() async {
    let result = await #expect(processExitsWith: .exitCode(0), observing: exitTest) {
      var thing: Thing? = Thing()
      finalize(thing!) { print("cancelled") }
      print(ExitStack.process.cancelAll())
      drop(&thing)
      finalize(Thing()) { print("of one that dies") }
      finalize(kept) { print("at exit") }
      exit(0)
    }
    #expect(result.output == ["1", "of one that dies", "at exit"])
  }

  @Test func `phases, deaths, calls and sleep decide which finalizers run at exit, and when`() async {
    let result = await #expect(processExitsWith: .exitCode(0), observing: exitTest) {
      finalize(Thing()) { print("a") }
      var thing: Thing? = Thing()
      let b = finalize(thing!) { print("b") }
      try? b()
      try? b()
      drop(&thing)
      finalize(kept) { print("c") }.runsAtExit = false
      finalize(kept, phase: .early) { print("d10") }
      finalize(kept) { print("d01") }
      finalize(kept) { print("d02") }
      finalize(kept) { print("d03") }
      finalize(kept, phase: .late) { print("e") }
      exit(0)
    }
    #expect(result.output == ["a", "b", "d10", "d03", "d02", "d01", "e"])
  }

  @Test func `an exit within a finalizer ends this finalizer alone`() async {
    let result = await #expect(processExitsWith: .exitCode(3), observing: exitTest) {
      finalize(kept) { print("older") }
      finalize(kept) {
        print("exits")
        exit(3)
      }
      finalize(kept) { print("newer") }
      exit(0)
    }
    #expect(result.output == ["newer", "exits", "older"])
  }

  @Test func `an exit within a finalizer of a dying object runs all other finalizers`() async {
    let result = await #expect(processExitsWith: .exitCode(4), observing: exitTest) {
      finalize(kept) { print("kept") }
      var thing: Thing? = Thing()
      finalize(thing!) { print("older") }
      finalize(thing!) { exit(4) }
      drop(&thing)
      _exit(1)
    }
    #expect(result.output == ["older", "kept"])
  }

  @Test(.disabled(if: testsAreThreadSanitized, "0 is not known to be the status there"))
  func `a failure changes the status only if that was asked for`() async {
    await #expect(processExitsWith: .exitCode(0)) {
      finalize(kept) { throw Refused() }
      exit(0)
    }
    await #expect(processExitsWith: .exitCode(70)) {
      ExitStack.process.statusOnFailure = 70
      finalize(kept) { throw Refused() }
      exit(0)
    }
  }

  @Test func `objects that hold each other, and statics, have their finalizers at exit`() async {
    let result = await #expect(processExitsWith: .exitCode(0), observing: exitTest) {
      finalize(Constant.shared) { print("static") }
      func cycle() {
        let one = Node(), other = Node()
        (one.other, other.other) = (other, one)
        finalize(one) { print("cycle") }
      }
      cycle()
      exit(0)
    }
    #expect(result.output == ["cycle", "static"])
  }

  @Test func `a forked child runs its own finalizers, and not its parent's`() async {
    let result = await #expect(processExitsWith: .exitCode(0), observing: exitTest) {
      var thing: Thing? = Thing()
      let parents = finalize(thing!) { print("parent's, of the one that dies") }
      finalize(kept) { print("parent's") }
      finalize(kept, inForkedChildren: true) { print("inherited") }
      child {
        print("child: \(parents.isAlive)")
        drop(&thing)
        finalize(Thing()) { print("child's, of one that dies") }
        finalize(kept) { print("child's") }
        exit(0)
      }
      drop(&thing)
      exit(0)
    }
    #expect(
      result.output == [
        "child: false", "child's, of one that dies", "child's", "inherited", "child ended with 0",
        "parent's, of the one that dies", "inherited", "parent's",
      ])
  }

  @Test func `a child's own run where its parent has made none`() async {
    let result = await #expect(processExitsWith: .exitCode(0), observing: exitTest) {
      child {
        finalize(Thing()) { print("of one that dies") }
        finalize(kept) { print("at exit") }
        exit(0)
      }
      exit(0)
    }
    #expect(result.output == ["of one that dies", "at exit", "child ended with 0"])
  }

  @Test func `a child that drops its copy of an object runs an inherited finalizer, at once`() async {
    let result = await #expect(processExitsWith: .exitCode(0), observing: exitTest) {
      var thing: Thing? = Thing()
      finalize(thing!, inForkedChildren: true) { print("inherited") }
      child {
        drop(&thing)
        print("dropped")
        exit(0)
      }
      print("parent")
      drop(&thing)
      exit(0)
    }
    #expect(result.output == ["inherited", "dropped", "child ended with 0", "parent", "inherited"])
  }

  @Test func `a child that adopts has all of its parent's`() async {
    let result = await #expect(processExitsWith: .exitCode(0), observing: exitTest) {
      let parent = getpid()
      let finalizer = finalize(kept) { print("adopted in \(getpid() != parent)") }
      child {
        try? ExitStack.process.adopt()
        print(finalizer.isAlive)
        exit(0)
      }
      exit(0)
    }
    #expect(result.output == ["true", "adopted in true", "child ended with 0", "adopted in false"])
  }

  @Test func `eight threads make and drop during the exit: each finalizer runs once`() async {
    let result = await #expect(processExitsWith: .exitCode(0), observing: exitTest) {
      let crowd = Crowd()
      atExit(phase: .late) {
        print("made \(crowd.made.load(ordering: .relaxed) == crowd.ran.load(ordering: .relaxed))")
      }
      atExit(phase: .early) {
        while crowd.made.load(ordering: .relaxed) < crowd.seen.load(ordering: .relaxed) + 5_000 {}
        crowd.stop()
      }
      crowd.start(8)
      while crowd.made.load(ordering: .relaxed) < 1_000 {}
      crowd.seen.store(crowd.made.load(ordering: .relaxed), ordering: .relaxed)
      exit(0)
    }
    #expect(result.output == ["made true"])
    #expect(!result.errors.contains { $0.hasPrefix("ExitKit") })
  }

  @Test func `a finalizer at work on another thread is waited for`() async {
    let result = await #expect(processExitsWith: .exitCode(0), observing: exitTest) {
      let gate = Gate()
      pthread(gate) { gate in
        finalize(Thing()) {
          gate.close()
          print("finalizer")
        }
      }
      await gate.untilClosed()
      atExit { gate.open() }
      exit(0)
    }
    #expect(result.output == ["finalizer"])
  }
}

private func pthread(_ gate: Gate, _ body: @escaping @Sendable (Gate) -> Void) {
  var thread = pthread_t()
  let work = Unmanaged.passRetained(Work { body(gate) })
  pthread_create(
    &thread, nil,
    {
      Unmanaged<Work>.fromOpaque($0!).takeRetainedValue().body(); return nil
    }, work.toOpaque())
  pthread_detach(thread)
}

private final class Work: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// Threads that make objects with finalizers, drop half of the objects at once, and keep the other half for the exit.
private final class Crowd: Sendable {
  let made = Atomic(0), ran = Atomic(0), seen = Atomic(0)
  private let isOver = Atomic(false)
  private let threads = Locked<[pthread_t]>([])
  private let kept = Locked<[Thing]>([])

  func start(_ count: Int) {
    for _ in 0..<count {
      var thread = pthread_t()
      let own = Unmanaged.passUnretained(self).toOpaque()
      pthread_create(
        &thread, nil,
        {
          Unmanaged<Crowd>.fromOpaque($0!).takeUnretainedValue().work(); return nil
        }, own)
      threads.withLock { $0.append(thread) }
    }
  }

  func stop() {
    isOver.store(true, ordering: .relaxed)
    for thread in threads.withLock({ $0 }) { pthread_join(thread, nil) }
  }

  private func work() {
    var keeps = false
    while !isOver.load(ordering: .relaxed) {
      let thing = Thing()
      finalize(thing) { _ = self.ran.add(1, ordering: .relaxed) }
      made.add(1, ordering: .relaxed)
      if keeps { kept.withLock { $0.append(thing) } }
      keeps.toggle()
    }
  }
}
