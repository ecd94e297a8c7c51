// SPDX-License-Identifier: Apache-2.0
//
// Finalizers: cases 23 to 28 and 30 of CPython's tests of weakref.finalize, in Swift. Its labelled arguments
// and its wrong arguments (parts of 23, 24 and 26) are left to the compiler. Case 29 is in FinalizerExitTests, 35 to 37
// are in that file and in FinalizerStressTests.

import ExitKit
import Glibc
import Testing

final class Thing: Sendable {}

/// Drops a reference at this very place, with any optimizer.
@inline(never) func drop<Object: AnyObject>(_ object: inout Object?) { object = nil }

struct Refused: Error, Equatable {}

@Suite struct FinalizerTests {
  let log = Log()
  let stack = ExitStack("finalizers")

  private func record(_ first: Int, _ second: Int, _ label: String) -> Int {
    log.note("\(label) \(first + second)")
    return first + second
  }

  @Test func `a call runs the finalizer once and returns the result`() throws {
    let thing = Thing()
    let log = log
    let finalizer = stack.finalize(
      thing,
      { (a: Int, b: Int, c: Int) -> Int in
        log.note("ran"); return a + b + c
      }, 67, 43, 89)
    #expect(finalizer.isAlive)
    #expect(finalizer.peek() === thing)
    #expect(try finalizer() == 199)
    #expect(try finalizer() == nil)
    #expect(try finalizer() == nil)
    #expect(finalizer.peek() == nil)
    #expect(finalizer.detach() == nil)
    #expect(!finalizer.isAlive)
    #expect(log.all == ["ran"])
    #expect(stack.count == 0)
  }

  @Test func `a detached finalizer never runs, and gives back the object once`() throws {
    var thing: Thing? = Thing()
    let log = log
    let finalizer = stack.finalize(thing!) { log.note("ran") }
    #expect(finalizer.peek() === thing)
    #expect(finalizer.detach() === thing)
    #expect(finalizer.detach() == nil)
    #expect(finalizer.peek() == nil)
    #expect(!finalizer.isAlive)
    #expect(try finalizer() == nil)
    drop(&thing)
    stack.run()
    #expect(log.all == [])
  }

  @Test func `the death of the object runs the finalizer at once, and later calls do nothing`() throws {
    var thing: Thing? = Thing()
    let log = log
    let finalizer = stack.finalize(thing!) { log.note("ran") }
    log.note("before")
    drop(&thing)
    log.note("after")
    #expect(log.all == ["before", "ran", "after"])
    #expect(try finalizer() == nil)
    #expect(finalizer.peek() == nil)
    #expect(finalizer.detach() == nil)
    #expect(!finalizer.isAlive)
    #expect(stack.count == 0)
  }

  @Test func `a finalizer runs on the thread that drops the last reference`() {
    let threads = Log()
    let last = {
      let thing = Thing()
      stack.finalize(thing) { threads.note("\(pthread_self())") }
      return Unmanaged.passRetained(thing).toOpaque()
    }()
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      {
        Unmanaged<Thing>.fromOpaque($0!).release(); return nil
      }, last)
    pthread_join(thread, nil)
    #expect(threads.all == ["\(thread)"])
    #expect(thread != pthread_self())
  }

  @Test func `finalizers of an object run newest first; detached and called finalizers do not`() throws {
    var thing: Thing? = Thing()
    let log = log
    stack.finalize(thing!) { log.note("1") }
    let second = stack.finalize(thing!) { log.note("2") }
    let third = stack.finalize(thing!) { log.note("3") }
    stack.finalize(thing!) { log.note("4") }
    let fifth = stack.finalize(thing!) { log.note("5") }
    log.note("A")
    fifth.detach()
    try third()
    log.note("B")
    log.note("C")
    drop(&thing)
    log.note("D")
    #expect(log.all == ["A", "3", "B", "C", "4", "2", "1", "D"])
    #expect(!second.isAlive)
  }

  @Test func `a hundred finalizers of one object all run, newest first`() {
    var thing: Thing? = Thing()
    let log = log
    for i in 0..<100 { stack.finalize(thing!) { log.note("\(i)") } }
    drop(&thing)
    #expect(log.all == (0..<100).reversed().map(String.init))
  }

  @Test func `captures of a finalizer go right after the finalizer ran or was detached`() {
    var thing: Thing? = Thing()
    let log = log
    let witness = { Witness(log) }
    stack.finalize(thing!) { [held = witness()] in
      log.note("older"); _ = held
    }
    let detached = stack.finalize(thing!) { [held = witness()] in _ = held }
    stack.finalize(thing!) { [held = witness()] in
      log.note("newer"); _ = held
    }
    detached.detach()
    log.note("detached")
    drop(&thing)
    #expect(log.all == ["released", "detached", "newer", "released", "older", "released"])
  }

  @Test func `an error of a call goes to the caller, and no further`() {
    let thing = Thing()
    let log = log
    stack.onFailure { log.note("\($0.error)") }
    let finalizer = stack.finalize(thing) { () throws -> Int in throw Refused() }
    #expect(throws: Refused()) { try finalizer() }
    #expect(!finalizer.isAlive)
    #expect(log.all == [])
  }

  @Test func `an error of a finalizer goes to the failure channel, with name and place`() {
    var thing: Thing? = Thing()
    let log = log
    stack.onFailure { log.note($0.description) }
    stack.finalize(thing!, name: "close", file: "App/main.swift", line: 12) { throw Refused() }
    drop(&thing)
    let other = Thing()
    stack.finalize(other, file: "App/main.swift", line: 13) { throw Refused() }
    let report = stack.run()
    #expect(report.failures.map(\.isFinalizer) == [true] && report.records.map(\.isFinalizer) == [true])
    #expect(
      log.all == [
        "ExitKit: error in finalizer \"close\" (App/main.swift:12): Refused()",
        "ExitKit: error in finalizer (App/main.swift:13): Refused()",
      ])
  }

  @Test func `a finalizer is done before its body runs: within, a call does nothing`() throws {
    let thing = Thing()
    let log = log
    let own = Own()
    own.finalizer = stack.finalize(thing) {
      let finalizer = own.finalizer!
      log.note("\(finalizer.isAlive) \(finalizer.peek() == nil) \(try finalizer() == nil) \(finalizer.detach() == nil)")
    }
    try own.finalizer!()
    #expect(log.all == ["false true true true"])
  }

  private final class Own: @unchecked Sendable { var finalizer: Finalizer<Thing, Void>? }

  @Test func `an object that dies inside its own finalizer does so quietly`() throws {
    let log = log
    let holder = Holder(Thing())
    let finalizer = stack.finalize(holder.thing!) {
      holder.thing = nil; log.note("ran")
    }
    try finalizer()
    #expect(log.all == ["ran"])
  }

  private final class Holder: @unchecked Sendable {
    var thing: Thing?
    init(_ thing: Thing) { self.thing = thing }
  }

  @Test func `a finalizer makes a finalizer of another object`() {
    var thing: Thing? = Thing()
    let log = log, stack = stack
    stack.finalize(thing!) {
      stack.finalize(Thing()) { log.note("inner") }
      log.note("outer")
    }
    drop(&thing)
    #expect(log.all == ["inner", "outer"])
  }

  @Test func `a finalizer that captures its object keeps the object alive to the stack's run`() {
    let log = log
    weak var weakly: Thing?
    do {
      let thing = Thing()
      weakly = thing
      stack.finalize(thing) { withExtendedLifetime(thing) { log.note("ran") } }
    }
    #expect(weakly != nil)
    #expect(log.all == [])
    stack.run()
    #expect(log.all == ["ran"])
    #expect(weakly == nil)
  }

  @Test func `a run of the stack runs finalizers of living objects in their place`() {
    let thing = Thing()
    let log = log
    stack.register { log.note("handler 1") }
    stack.finalize(thing) { log.note("finalizer 1") }
    stack.register { log.note("handler 2") }
    stack.finalize(thing, phase: .late) { log.note("late") }
    stack.finalize(thing, phase: .early) { log.note("early") }
    stack.run()
    #expect(log.all == ["early", "handler 2", "finalizer 1", "handler 1", "late"])
  }

  @Test func `a finalizer with runsAtExit false is left out of runs, and runs at the death`() {
    var thing: Thing? = Thing()
    let log = log
    let finalizer = stack.finalize(thing!) { log.note("ran") }
    #expect(finalizer.runsAtExit)
    finalizer.runsAtExit = false
    #expect(!finalizer.runsAtExit)
    #expect(finalizer.isAlive)
    #expect(stack.count == 0)
    #expect(stack.run().records.isEmpty)
    #expect(log.all == [])
    drop(&thing)
    #expect(log.all == ["ran"])
    finalizer.runsAtExit = true
    #expect(!finalizer.runsAtExit)
  }

  @Test func `a run heeds a runsAtExit that another finalizer changed during the run`() {
    let thing = Thing()
    let log = log
    let asleep = stack.finalize(thing) { log.note("woken") }
    asleep.runsAtExit = false
    let awake = stack.finalize(thing) { log.note("put to sleep") }
    let detached = stack.finalize(thing) { log.note("detached") }
    stack.register { log.note("older") }
    stack.register {
      asleep.runsAtExit = true
      awake.runsAtExit = false
      detached.detach()
    }
    stack.run()
    #expect(log.all == ["woken", "older"])
    #expect(awake.isAlive)
  }

  @Test func `a finalizer that is asleep is cancelled by name, and moves, like other entries`() {
    let thing = Thing()
    let other = ExitStack("other")
    let log = log
    let first = stack.finalize(thing, name: "first") { log.note("first") }
    let second = stack.finalize(thing) { log.note("second") }
    let third = stack.finalize(thing, phase: .late) { log.note("third") }
    for finalizer in [first, second, third] { finalizer.runsAtExit = false }
    #expect(stack.cancel(named: "first") == 1)
    #expect(!first.isAlive)
    stack.moveAll(to: other)
    third.runsAtExit = true
    #expect(other.count == 1)
    other.run()
    #expect(log.all == ["third"])
    other.cancelAll()
    #expect(!second.isAlive)
  }

  @Test func `a finalizer that is asleep outlives its nested stack`() {
    var thing: Thing? = Thing()
    let log = log
    var nested: ExitStack? = stack.nested("module")
    nested!.finalize(thing!) { log.note("ran") }.runsAtExit = false
    stack.run()
    nested = nil
    drop(&thing)
    #expect(log.all == ["ran"])
  }

  @Test func `a stack that ends cancels its finalizers`() {
    var thing: Thing? = Thing()
    let log = log
    var short: ExitStack? = ExitStack("short")
    let awake = short!.finalize(thing!) { [held = Witness(log)] in
      _ = held; log.note("ran")
    }
    short!.finalize(thing!) { log.note("ran") }.runsAtExit = false
    short = nil
    #expect(log.all == ["released"])
    #expect(!awake.isAlive)
    drop(&thing)
    #expect(log.all == ["released"])
  }

  @Test func `results of every kind come back`() throws {
    let thing = Thing()
    #expect(try stack.finalize(thing) { "text" }() == "text")
    #expect(try stack.finalize(thing) { (1, "two") }()! == (1, "two"))
    #expect(try stack.finalize(thing) { Int?.none }() == .some(.none))
    #expect(try stack.finalize(thing) { [Witness(log)] }()!.count == 1)
    #expect(try stack.finalize(thing) {}() != nil)
    #expect(log.all == ["released"])
  }

  @Test func `a description says name, place and object, and whether the finalizer is done`() throws {
    let thing = Thing()
    let finalizer = stack.finalize(thing, name: "close", file: "App/main.swift", line: 12) {}
    let address = String(UInt(bitPattern: ObjectIdentifier(thing)), radix: 16)
    #expect("\(finalizer)" == "finalizer \"close\" (App/main.swift:12) of Thing at 0x\(address)")
    #expect(finalizer.name == "close")
    #expect("\(finalizer.location)" == "App/main.swift:12")
    try finalizer()
    #expect("\(finalizer)" == "finalizer \"close\" (App/main.swift:12), done")
  }

  @Test func `a finalizer is equal to its copies alone`() {
    let thing = Thing()
    let one = stack.finalize(thing) {}, other = stack.finalize(thing) {}
    #expect(one == one)
    #expect(one != other)
    #expect(Set([one, one, other]).count == 2)
    stack.cancelAll()
  }
}
