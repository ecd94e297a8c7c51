// SPDX-License-Identifier: Apache-2.0

import ExitKit
import Glibc
import Synchronization

final class Thing { var value = 0 }
final class Other { var value = 0 }

let ran = Atomic(0)

@inline(never) func makeFinalizer(_ thing: Thing) { finalize(thing) { _ = ran.add(1, ordering: .relaxed) } }

func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

func residentBytes() -> Int {
  let file = fopen("/proc/self/statm", "r")!
  defer { fclose(file) }
  var whole = 0, resident = 0
  withUnsafeMutablePointer(to: &whole) { whole in
    withUnsafeMutablePointer(to: &resident) { resident in
      _ = withVaList([whole, resident]) { vfscanf(file, "%ld %ld", $0) }
    }
  }
  return resident * Int(sysconf(Int32(_SC_PAGESIZE)))
}

/// The first finalizer of all sets things up; that is not what is measured.
func warmUp() { makeFinalizer(Thing()) }

func things(_ count: Int) -> [Thing] { (0..<count).map { _ in Thing() } }

/// Nanoseconds to make one finalizer, on distinct objects.
func create(_ count: Int) -> Double {
  warmUp()
  let objects = things(count)
  let start = now()
  for object in objects { makeFinalizer(object) }
  let time = now() - start
  _exitNow(time / Double(count))
}

/// Ends without the run at exit, which would be measured by nobody.
func _exitNow(_ value: Double) -> Never {
  print(value)
  fflush(nil)
  _exit(0)
}

/// Nanoseconds an object with a finalizer takes to die, its closure included.
func die(_ count: Int) -> Double {
  warmUp()
  var objects: [Thing?] = things(count)
  for object in objects { makeFinalizer(object!) }
  let start = now()
  for i in objects.indices { objects[i] = nil }
  return (now() - start) / Double(count)
}

/// The same without one, in a process that has made none.
func diePlain(_ count: Int) -> Double {
  var objects: [Thing?] = things(count)
  let start = now()
  for i in objects.indices { objects[i] = nil }
  return (now() - start) / Double(count)
}

/// Nanoseconds an object without a finalizer takes to be made and to die; `others` of its class, or of another class,
/// have one meanwhile.
func dieWithout(_ count: Int, others: Int, watched: Bool) -> Double {
  warmUp()
  let crowd = things(others)
  for object in crowd { makeFinalizer(object) }
  var objects: [AnyObject?] = (0..<count).map { _ in watched ? Thing() as AnyObject : Other() as AnyObject }
  let start = now()
  for i in objects.indices { objects[i] = nil }
  let time = now() - start
  withExtendedLifetime(crowd) {}
  _exitNow(time / Double(count))
}

func call(_ count: Int) -> Double {
  warmUp()
  let objects = things(count)
  let finalizers = objects.map { finalize($0) { _ = ran.add(1, ordering: .relaxed) } }
  let start = now()
  for finalizer in finalizers { try? finalizer() }
  return (now() - start) / Double(count)
}

func detach(_ count: Int) -> Double {
  warmUp()
  let objects = things(count)
  let finalizers = objects.map { finalize($0) { _ = ran.add(1, ordering: .relaxed) } }
  let start = now()
  for finalizer in finalizers { finalizer.detach() }
  return (now() - start) / Double(count)
}

/// Nanoseconds to make an object with a finalizer and to drop it.
func churn(_ count: Int) -> Double {
  warmUp()
  let start = now()
  for _ in 0..<count { makeFinalizer(Thing()) }
  return (now() - start) / Double(count)
}

/// Nanoseconds an object made with a finalizer and dropped, when so many threads do `count` of them in all.
func twoThreads(_ count: Int, _ threads: Int) -> Double {
  warmUp()
  let share = UnsafeMutableRawPointer(bitPattern: count / threads)
  func spawn(_ share: UnsafeMutableRawPointer?) -> pthread_t {
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { share in
        for _ in 0..<Int(bitPattern: share) { makeFinalizer(Thing()) }
        return nil
      }, share)
    return thread
  }
  pthread_join(spawn(UnsafeMutableRawPointer(bitPattern: 1)), nil)  // from here on the process has had threads
  let start = now()
  for thread in (0..<threads).map({ _ in spawn(share) }) { pthread_join(thread, nil) }
  return (now() - start) / Double(count)
}

/// Bytes of memory that a live finalizer takes, its object not counted. Its closure captures nothing.
func bytes(_ count: Int) -> Double {
  warmUp()
  let objects = things(count)
  let before = residentBytes()
  for object in objects { makeFinalizer(object) }
  let taken = residentBytes() - before
  withExtendedLifetime(objects) {}
  _exitNow(Double(taken) / Double(count))
}

/// Bytes by which the process has grown after making and dropping ten times as many.
func flat(_ count: Int) -> Double {
  for _ in 0..<count { makeFinalizer(Thing()) }
  let before = residentBytes()
  for _ in 0..<10 * count { makeFinalizer(Thing()) }
  return Double(residentBytes() - before)
}

/// Nanoseconds each takes to run at exit, where their objects live on.
func drain(_ count: Int) -> Double {
  warmUp()
  let objects = things(count)
  for object in objects { makeFinalizer(object) }
  let start = now()
  ExitStack.process.run()
  let time = now() - start
  withExtendedLifetime(objects) {}
  return time / Double(count)
}
