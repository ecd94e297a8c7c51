// SPDX-License-Identifier: Apache-2.0

import ExitKit
import Glibc
import Synchronization

/// Each gives one number for so many objects, in a process of its own.
let cases: [String: @Sendable (Int) -> Double] = [
  "create": create, "create-again": createAgain, "die": die, "die-plain": diePlain,
  "die-unwatched": { dieWithout($0, watched: false) }, "die-watched": { dieWithout($0, watched: true) },
  "call": call, "detach": detach, "churn": churn, "same-bytes": sameBytes, "unowned": unowned,
  "one-thread": { inThreads($0, 1) },
  "two-threads": { inThreads($0, 2) }, "bytes": bytes, "growth": growth, "exit": exitWith,
]

final class Thing { var value = 0 }
final class Other { var value = 0 }

/// The work of each finalizer. A counter would be a place where threads meet.
@inline(never) func nothing() {}

@inline(never) func makeFinalizer(_ thing: Thing) { finalize(thing) { nothing() } }

/// The time of this thread, of which a busy machine takes nothing; of the whole world where threads are to be compared.
func now(_ clock: clockid_t = CLOCK_THREAD_CPUTIME_ID) -> Double {
  var time = timespec()
  clock_gettime(clock, &time)
  return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

func residentBytes() -> Double {
  guard let file = fopen("/proc/self/statm", "r") else { return 0 }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 200)
  guard fgets(&line, 200, file) != nil, let space = strchr(line, 32) else { return 0 }
  return Double(atol(space)) * Double(sysconf(Int32(_SC_PAGESIZE)))
}

/// The first finalizer of all sets things up, which is not measured.
func things(_ count: Int) -> [Thing] {
  makeFinalizer(Thing())
  return (0..<count).map { _ in Thing() }
}

/// Nanoseconds to make one finalizer, on distinct objects, in memory that the process never had before.
func create(_ count: Int) -> Double {
  let objects = things(count)
  let start = now()
  for object in objects { makeFinalizer(object) }
  leave((now() - start) / Double(count))
}

/// The same in memory that was used before.
func createAgain(_ count: Int) -> Double {
  let objects = things(count)
  for object in objects { makeFinalizer(object) }
  ExitStack.process.cancelAll()
  let start = now()
  for object in objects { makeFinalizer(object) }
  leave((now() - start) / Double(count))
}

/// Ends without the run at exit, which is measured elsewhere.
func leave(_ value: Double) -> Never {
  print(value)
  fflush(nil)
  _exit(0)
}

/// Nanoseconds that an object with a finalizer takes to die, its closure included.
func die(_ count: Int) -> Double {
  var objects: [Thing?] = things(count)
  for object in objects { makeFinalizer(object!) }
  let start = now()
  for i in objects.indices { objects[i] = nil }
  return (now() - start) / Double(count)
}

/// The same without one, in a process without finalizers.
func diePlain(_ count: Int) -> Double {
  var objects: [Thing?] = (0..<count).map { _ in Thing() }
  let start = now()
  for i in objects.indices { objects[i] = nil }
  return (now() - start) / Double(count)
}

/// The same, in a process in which 1,000 objects of that class, or of another one, have a finalizer.
func dieWithout(_ count: Int, watched: Bool) -> Double {
  let crowd = things(1_000)
  for object in crowd { makeFinalizer(object) }
  var objects: [AnyObject?] = (0..<count).map { _ in watched ? Thing() as AnyObject : Other() as AnyObject }
  let start = now()
  for i in objects.indices { objects[i] = nil }
  let time = now() - start
  withExtendedLifetime(crowd) {}
  leave(time / Double(count))
}

func call(_ count: Int) -> Double {
  let objects = things(count)
  let finalizers = objects.map { finalize($0) { nothing() } }
  let start = now()
  for finalizer in finalizers { try? finalizer() }
  return (now() - start) / Double(count)
}

func detach(_ count: Int) -> Double {
  let objects = things(count)
  let finalizers = objects.map { finalize($0) { nothing() } }
  let start = now()
  for finalizer in finalizers { finalizer.detach() }
  return (now() - start) / Double(count)
}

/// Nanoseconds to make an object with a finalizer and to drop it.
func churn(_ count: Int) -> Double {
  makeFinalizer(Thing())
  let start = now()
  for _ in 0..<count { makeFinalizer(Thing()) }
  return (now() - start) / Double(count)
}

/// The allocator's time for the memory of a finalizer: an object, a finalizer's body, the context of a closure, and an entry.
func sameBytes(_ count: Int) -> Double {
  let start = now()
  for _ in 0..<count {
    let blocks = (keep(malloc(24)), keep(malloc(88)), keep(malloc(32)), keep(malloc(64)))
    free(blocks.0)
    free(blocks.1)
    free(blocks.2)
    free(blocks.3)
  }
  return (now() - start) / Double(count)
}

/// Without this the optimizer takes the pair of malloc and free away.
@inline(never) @_optimize(none) func keep(_ block: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? { block }

/// The runtime's time for the unowned reference that keeps the memory of an object.
func unowned(_ count: Int) -> Double {
  typealias Function = @convention(c) (UnsafeMutableRawPointer) -> Void
  func runtime(_ name: String) -> Function { unsafeBitCast(dlsym(nil, name), to: Function.self) }
  let retain = runtime("swift_unownedRetain"), release = runtime("swift_unownedRelease")
  let object = Unmanaged.passRetained(Thing()).toOpaque()
  let start = now()
  for _ in 0..<count {
    retain(object)
    release(object)
  }
  return (now() - start) / Double(count)
}

/// The time of so many threads that make and drop `count` finalizers in all.
func inThreads(_ count: Int, _ threads: Int) -> Double {
  func spawn(_ share: Int) -> pthread_t {
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { share in
        for _ in 0..<Int(bitPattern: share) { makeFinalizer(Thing()) }
        return nil
      }, UnsafeMutableRawPointer(bitPattern: share))
    return thread
  }
  pthread_join(spawn(1), nil)  // from here on the process has had threads
  let start = now(CLOCK_MONOTONIC)
  for thread in (0..<threads).map({ _ in spawn(count / threads) }) { pthread_join(thread, nil) }
  return (now(CLOCK_MONOTONIC) - start) / Double(count)
}

/// Bytes of memory that a live finalizer takes, without its object and its closure.
func bytes(_ count: Int) -> Double {
  let objects = things(count)
  let before = residentBytes()
  for object in objects { makeFinalizer(object) }
  let taken = residentBytes() - before
  withExtendedLifetime(objects) {}
  leave(taken / Double(count) - closureBytes)
}

/// A closure that captures nothing has a context of 32 bytes all the same, for where it is isolated to, and malloc's 16.
let closureBytes = 48.0

/// Bytes by which the process grows when it makes and drops ten times as many as before.
func growth(_ count: Int) -> Double {
  for _ in 0..<count { makeFinalizer(Thing()) }
  let before = residentBytes()
  for _ in 0..<10 * count { makeFinalizer(Thing()) }
  return residentBytes() - before
}

/// Nanoseconds that each takes at exit, when all their objects live on.
func exitWith(_ count: Int) -> Double {
  let start = Atomic(0)
  let began = Box(start)
  atExit { print((now() - Double(began.value.load(ordering: .relaxed))) / Double(count)) }
  let objects = things(count)
  for object in objects { makeFinalizer(object) }
  atExit { began.value.store(Int(now()), ordering: .relaxed) }
  withExtendedLifetime(objects) { exit(0) }
}

final class Box: Sendable {
  let value: Atomic<Int>
  init(_ value: consuming Atomic<Int>) { self.value = value }
}
