// SPDX-License-Identifier: Apache-2.0
//
// Objects of every kind of class that Swift has: their finalizers are prompt, and the objects do not change.

import Dispatch
import ExitKit
import Foundation
import Testing

private class Base {
  let log: Log
  init(_ log: Log) { self.log = log }
  deinit { log.note("deinit Base") }
}

private class Derived: Base {
  deinit { log.note("deinit Derived") }
}

private final class MostDerived: Derived {
  let more = [1, 2, 3]
  deinit { log.note("deinit MostDerived") }
}

private final class Generic<Element> {
  let log: Log
  let element: Element
  init(_ element: Element, _ log: Log) { (self.log, self.element) = (log, element) }
  deinit { log.note("deinit Generic<\(Element.self)>") }
}

private class GenericBase<Element> {
  let log: Log
  init(_ log: Log) { self.log = log }
}

private final class DerivedOfGeneric: GenericBase<[String]> {
  deinit { log.note("deinit DerivedOfGeneric") }
}

private actor PlainActor {
  let log: Log
  init(_ log: Log) { self.log = log }
  func work() -> Int { 1 }
  deinit { log.note("deinit PlainActor") }
}

private actor IsolatedActor {
  let log: Log
  init(_ log: Log) { self.log = log }
  isolated deinit { log.note("deinit IsolatedActor") }
}

private final class Buffer: ManagedBuffer<Log, Int> {
  deinit { header.note("deinit Buffer") }
}

private final class Failure: Error {
  let log: Log
  init(_ log: Log) { self.log = log }
  deinit { log.note("deinit Failure") }
}

private struct Pair { var one = 1, two = 2 }

@Suite struct FinalizerClassTests {
  let log = Log()
  let stack = ExitStack("classes")

  /// The events when the last reference to a new object goes, after a call that may use the object.
  @inline(never)
  private func death<Object: AnyObject>(
    of make: () -> Object, sourceLocation: SourceLocation = #_sourceLocation, _ use: (Object) -> Void = { _ in }
  ) -> [String] {
    let log = log
    var object: Object? = make()
    let finalizer = stack.finalize(object!) { log.note("finalizer") }
    #expect(finalizer.isPrompt, sourceLocation: sourceLocation)
    #expect(finalizer.peek() === object, sourceLocation: sourceLocation)
    use(object!)
    #expect(log.all == [], sourceLocation: sourceLocation)
    drop(&object)
    #expect(!finalizer.isAlive, sourceLocation: sourceLocation)
    return log.all
  }

  @Test func `a plain class`() {
    #expect(death { Base(log) } == ["deinit Base", "finalizer"])
  }

  @Test func `derived classes: one finalizer, after every deinit`() {
    #expect(death { Derived(log) } == ["deinit Derived", "deinit Base", "finalizer"])
    let inner = FinalizerClassTests()
    #expect(
      inner.death { MostDerived(inner.log) } == ["deinit MostDerived", "deinit Derived", "deinit Base", "finalizer"])
  }

  @Test func `an object under the type of its parent`() {
    #expect(death { MostDerived(log) as Base }.last == "finalizer")
  }

  @Test func `generic classes, each with metadata of its own`() {
    #expect(death { Generic(1, log) } == ["deinit Generic<Int>", "finalizer"])
    let text = FinalizerClassTests(), pair = FinalizerClassTests(), derived = FinalizerClassTests()
    #expect(text.death { Generic("x", text.log) } == ["deinit Generic<String>", "finalizer"])
    #expect(pair.death { Generic(Pair(), pair.log) } == ["deinit Generic<Pair>", "finalizer"])
    #expect(derived.death { DerivedOfGeneric(derived.log) } == ["deinit DerivedOfGeneric", "finalizer"])
  }

  @Test func `two hundred classes: the map of classes grows`() {
    func nest<Element>(_ element: Element, _ depth: Int) {
      if depth == 0 { return }
      let test = FinalizerClassTests()
      #expect(test.death { Generic(element, test.log) }.last == "finalizer")
      nest((element, depth), depth - 1)
    }
    nest(0, 100)
    nest("", 100)
  }

  @Test func `actors`() async {
    #expect(death { PlainActor(log) } == ["deinit PlainActor", "finalizer"])
    let isolated = FinalizerClassTests()
    #expect(isolated.death { IsolatedActor(isolated.log) } == ["deinit IsolatedActor", "finalizer"])
  }

  @Test func `an actor that has worked`() async {
    var actor: PlainActor? = PlainActor(log)
    let log = log
    stack.finalize(actor!) { log.note("finalizer") }
    #expect(await actor!.work() == 1)
    drop(&actor)
    #expect(log.all == ["deinit PlainActor", "finalizer"])
  }

  @Test func `a managed buffer with room at its end`() {
    #expect(death { Buffer.create(minimumCapacity: 1000) { _ in log } } == ["deinit Buffer", "finalizer"])
  }

  @Test func `an error class`() {
    #expect(death { Failure(log) } == ["deinit Failure", "finalizer"])
  }

  @Test func `classes of Foundation and Dispatch`() {
    #expect(death { NSObject() } == ["finalizer"])
    let tests = (0..<5).map { _ in FinalizerClassTests() }
    #expect(tests[0].death { DispatchQueue(label: "queue") } == ["finalizer"])
    #expect(tests[1].death { NSMutableArray() } == ["finalizer"])
    #expect(tests[2].death { Process() } == ["finalizer"])
    #expect(tests[3].death { JSONEncoder() } == ["finalizer"])
    #expect(tests[4].death { DispatchSemaphore(value: 0) } == ["finalizer"])
  }

  @Test func `a value in a box`() {
    #expect(death { Pair() as AnyObject } == ["finalizer"])
  }

  @Test func `weak, unowned and unmanaged references to the object`() {
    let child = Child()
    weak var weakly: Base?
    let events = death {
      Base(log)
    } _: { object in
      weakly = object
      child.parent = object
      child.unmanaged = Unmanaged.passUnretained(object)
    }
    #expect(weakly == nil)
    #expect(events == ["deinit Base", "finalizer"])
  }

  private final class Child {
    unowned(unsafe) var unmanagedParent: Base?
    unowned var parent: Base?
    var unmanaged: Unmanaged<Base>?
  }

  @Test func `a parent whose children refer to the parent without owning the parent`() {
    final class Parent {
      var children: [Kept] = []
    }
    final class Kept {
      unowned let parent: Parent
      init(_ parent: Parent) { self.parent = parent }
    }
    let events = death { () -> Parent in
      let parent = Parent()
      parent.children = (0..<10).map { _ in Kept(parent) }
      return parent
    }
    #expect(events == ["finalizer"])
  }

  @Test func `weak references are nil and unowned references gone when a finalizer runs`() {
    var thing: Thing? = Thing()
    weak let weakly = thing
    let log = log
    stack.finalize(thing!) { [weak thing = thing] in log.note("\(thing == nil)") }
    drop(&thing)
    #expect(log.all == ["true"])
    #expect(weakly == nil)
  }

  @Test func `a finalizer does not change its object`() {
    var object: Base? = MostDerived(log)
    let before = ObjectIdentifier(type(of: object!))
    stack.finalize(object!) {}
    stack.finalize(object!) {}
    #expect(ObjectIdentifier(type(of: object!)) == before)
    #expect("\(type(of: object!))" == "MostDerived")
    #expect(object is Derived)
    #expect((object as? MostDerived)?.more == [1, 2, 3])
    #expect((object as Any) as? Generic<Int> == nil)
    #expect(isKnownUniquelyReferenced(&object))
    let second = object
    #expect(!isKnownUniquelyReferenced(&object))
    withExtendedLifetime(second) {}
  }

  @Test func `objects without a finalizer, of a class that has some, die as ever`() {
    let watched = Base(Log())
    stack.finalize(watched) {}
    var others = (0..<100).map { _ in Derived(log) as Base }
    others.append(Base(log))
    others.removeAll()
    #expect(log.all.count == 201)
    #expect(stack.cancelAll() == 1)
  }

  @Test func `objects that reuse an address have their own finalizers`() {
    let log = log
    for i in 0..<1000 {
      var thing: Thing? = Thing()
      stack.finalize(thing!) { log.note("\(i)") }
      drop(&thing)
    }
    #expect(log.all == (0..<1000).map(String.init))
  }

  @Test func `a finalizer that is made in deinit waits for the stack`() {
    final class Late {
      let log: Log, stack: ExitStack
      init(_ log: Log, _ stack: ExitStack) { (self.log, self.stack) = (log, stack) }
      deinit {
        let log = log
        log.note("\(stack.finalize(self) { log.note("late") }.isPrompt)")
      }
    }
    var object: Late? = Late(log, stack)
    drop(&object)
    #expect(log.all == ["false"])
    stack.run()
    #expect(log.all == ["false", "late"])
  }

  @Test func `a lifetime, and an owned finalizer, are prompt without the runtime's help`() throws {
    final class Owner {
      let log: Log
      let lifetime = Lifetime()
      let closing: OwnedFinalizer<Int>
      init(_ log: Log, _ stack: ExitStack) {
        self.log = log
        closing = OwnedFinalizer(on: stack, name: "closing") {
          log.note("closing"); return 7
        }
        stack.finalize(lifetime) { log.note("lifetime") }
      }
      deinit { log.note("deinit") }
    }
    var first: Owner? = Owner(log, stack)
    #expect(first!.closing.finalizer.isPrompt)
    #expect(first!.closing.finalizer.isAlive)
    let second = Owner(log, stack)
    #expect(try second.closing.finalizer() == 7)
    drop(&first)
    #expect(log.all == ["closing", "deinit", "lifetime", "closing"])
    stack.run()
    #expect(log.all.suffix(1) == ["lifetime"])
    #expect(stack.count == 0)
    withExtendedLifetime(second) {}
  }
}
