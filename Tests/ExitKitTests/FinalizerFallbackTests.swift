// SPDX-License-Identifier: Apache-2.0
//
// Finalizers of objects whose class the library cannot watch. `reclass` makes such a class for a single object: a copy
// of the class's metadata in read-only memory, or with an address of data in place of the deinit function.

import ExitKit
import Glibc
import Testing

/// An object gets a finalizer only after `reclass`. Otherwise the library would watch `Copied`, and `reclass` would
/// copy the metadata of a watched class.
private final class Copied: Sendable {}

/// Gives the object a class of its own. The Swift ABI's description of class metadata explains the offsets.
private func reclass(_ object: Copied, writable: Bool, deinitWord: UInt? = nil) {
  let isa = Unmanaged.passUnretained(object).toOpaque().assumingMemoryBound(to: UnsafeRawPointer.self)
  let size = Int(isa.pointee.load(fromByteOffset: 32, as: UInt32.self))
  let before = Int(isa.pointee.load(fromByteOffset: 36, as: UInt32.self))
  let page = Int(sysconf(Int32(_SC_PAGESIZE)))
  let copy = mmap(nil, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
  copy.copyMemory(from: isa.pointee - before, byteCount: min(size, page))
  if let deinitWord { copy.storeBytes(of: deinitWord, toByteOffset: before - 16, as: UInt.self) }
  if !writable { mprotect(copy, page, PROT_READ) }
  isa.pointee = UnsafeRawPointer(copy + before)
}

private func unwatched() -> Copied {
  let thing = Copied()
  reclass(thing, writable: false)
  return thing
}

private let stack = ExitStack("fallback")
private let log = Log()

/// Registers a finalizer. Each registration also looks through the objects of unwatched classes for dead objects.
private func sweep() { stack.finalize(Thing()) {} }

/// Each test runs in a process of its own, since the registrations of other tests would sweep, too.
@Suite struct FinalizerFallbackTests {
  @Test func `a copy of a class in writable memory is watched, so copying is not the obstacle`() async {
    await #expect(processExitsWith: .success) {
      var thing: Copied? = Copied()
      reclass(thing!, writable: true)
      #expect(stack.finalize(thing!) { log.note("ran") }.isPrompt)
      drop(&thing)
      #expect(log.all == ["ran"])
    }
  }

  @Test func `the next registration runs finalizers of dead objects of read-only classes`() async {
    await #expect(processExitsWith: .success) {
      var thing: Copied? = unwatched()
      let finalizer = stack.finalize(thing!) { log.note("ran") }
      #expect(!finalizer.isPrompt)
      #expect(finalizer.isAlive)
      #expect(finalizer.peek() === thing)
      sweep()
      #expect(log.all == [])
      drop(&thing)
      #expect(!finalizer.isAlive)
      #expect(finalizer.peek() == nil)
      #expect(log.all == [])
      sweep()
      #expect(log.all == ["ran"])
      let again: Void? = try finalizer()
      #expect(again == nil)
      #expect(stack.count == 0)
    }
  }

  @Test func `a stack runs finalizers of read-only classes in their place in the order`() async {
    await #expect(processExitsWith: .success) {
      var dead: Copied? = unwatched()
      let alive = unwatched()
      stack.finalize(dead!) { log.note("dead") }
      stack.register { log.note("handler") }
      stack.finalize(alive) { log.note("alive") }
      drop(&dead)
      stack.run()
      #expect(log.all == ["alive", "handler", "dead"])
      withExtendedLifetime(alive) {}
    }
  }

  @Test func `calling and detaching work as ever`() async {
    await #expect(processExitsWith: .success) {
      var called: Copied? = unwatched(), detached: Copied? = unwatched()
      let first = stack.finalize(called!) {
        log.note("called"); return 1
      }
      let second = stack.finalize(detached!) { log.note("detached") }
      let result = try first()
      #expect(result == 1)
      #expect(second.detach() === detached)
      drop(&called)
      drop(&detached)
      sweep()
      #expect(log.all == ["called"])
    }
  }

  @Test func `registrations find every dead object among many, and leave living objects alone`() async {
    await #expect(processExitsWith: .success) {
      var dying = (0..<200).map { _ in unwatched() }
      let living = (0..<200).map { _ in unwatched() }
      for thing in dying { stack.finalize(thing) { log.note("ran") } }
      for thing in living { stack.finalize(thing) { log.note("ran") } }
      dying.removeAll()
      for _ in 0..<1000 { sweep() }
      #expect(log.all.count == 200)
      #expect(stack.cancelAll() == 200)
      withExtendedLifetime(living) {}
    }
  }

  @Test func `a class whose deinit is no code is left alone`() async {
    await #expect(processExitsWith: .success) {
      let thing = Unmanaged.passRetained(Copied())  // without a deinit function the object cannot be freed
      reclass(thing.takeUnretainedValue(), writable: true, deinitWord: 0x1234)
      #expect(!stack.finalize(thing.takeUnretainedValue()) {}.isPrompt)
      stack.cancelAll()
    }
  }
}
