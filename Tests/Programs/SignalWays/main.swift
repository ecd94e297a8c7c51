// SPDX-License-Identifier: Apache-2.0
// Programs with a synchronous main; the first argument names the case to run.

import Dispatch
import ExitKit
import Glibc
import Synchronization

let arguments = CommandLine.arguments.dropFirst()
let what = arguments.first ?? ""
let how = arguments.dropFirst().first ?? ""

switch what {
case "signal": signal()
case "main actor": mainActor()
case "lock": lockOfMain()
case "refused": refused()
case "second": second()
case "deadline": deadline()
case "limit": limit()
case "many limits": manyLimits()
case "bad limits": badLimits()
case "limit of nothing": limitOfNothing()
case "crash": crash()
case "quick": quick()
case "source": cancelledSource()
case "source first": sourceFirst()
case "source later": sourceLater()
case "error in the exit": errorInExit()
case "backtracer": backtracer()
case "no names": noNames()
case "terminal": terminal()
case "directory": directory()
default: say("no such case")
}

nonisolated func say(_ line: String) {
  let line = line + "\n"
  _ = line.withCString { write(STDOUT_FILENO, $0, strlen($0)) }
}

nonisolated func rest() -> Never { while true { pause() } }

/// Keeps the main thread in the state that `how` names.
func stay() -> Never {
  say("ready")
  switch how {
  case "dispatchMain": dispatchMain()
  case "read":
    var ends: [Int32] = [0, 0]
    var byte: UInt8 = 0
    pipe(&ends)
    while read(ends[0], &byte, 1) >= 0 {}
  case "loop":
    var count: UInt = 0
    while true { count &+= 1 }
  case "semaphore": DispatchSemaphore(value: 0).wait()
  default: break
  }
  rest()
}

func signal() {
  atExit { exit in
    say(
      "\(exit.reason.signal!) \(exit.status!) \(exit.reason.sender == getppid()) \(exit.reason == .signal(.terminate))")
  }
  atExit {
    await Task.yield()
    say("async")
  }
  do { try exitOnSignals() } catch { say("\(error)") }
  stay()
}

@MainActor func mainActor() {
  ExitStack.process.mainActorGracePeriod = .seconds(60)  // nothing here takes as long: the report would tell
  let captured = what  // closures of main.swift are isolated to the main actor
  atExit { say(captured) }
  do { try exitOnSignals(.terminate) } catch { say("\(error)") }
  stay()
}

let counted = Mutex(0)

/// The main thread sleeps with a lock that a handler needs: a handler of the main actor, or of none.
@MainActor func lockOfMain() {
  if how == "main actor" {
    atExit { say("handler: \(counted.withLock { $0 })") }
  } else {
    atExit(nonisolated: { say("handler: \(counted.withLock { $0 })") })
  }
  do { try exitOnSignals(.terminate) } catch { say("\(error)") }
  counted.withLock {
    say("ready")
    sleep(1000)
    $0 = 1
  }
  rest()
}

func refused() {
  for numbers in [[15, 9], [15, 19], [15, 11], [15, 0], [15, -1], [15, 65]] as [[Int32]] {
    do {
      try exitOnSignals(Set(numbers.map(ExitSignal.init)))
      say("not refused: \(numbers)")
    } catch {
      if error.code != .invalidArgument || error.errno != EINVAL { say("\(numbers): \(error)") }
    }
  }
  do { try exitOnSignals([]) } catch { say("\(error)") }
  atExit { say("handler") }
  kill(getpid(), SIGTERM)
  rest()
}

func second() {
  atExit {
    say("hanging")
    rest()
  }
  do {
    try exitOnSignals()
    try exitOnSignals()
  } catch { say("\(error)") }
  stay()
}

func deadline() {
  ExitStack.process.deadline = .milliseconds(200)
  if ExitStack.process.deadline != .milliseconds(200) {
    say("deadline is \(ExitStack.process.deadline, default: "none")")
  }
  switch how {
  case "main queue":
    atExit(name: how) { @Sendable in DispatchQueue.main.sync { say("cannot be") } }
    DispatchQueue.global().async { exit(7) }
    rest()
  case "await":
    atExit(name: how) { @Sendable in await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in } }
  case "allocate":
    atExit(name: how) { @Sendable in
      var kept: [[Int]] = []
      while true { kept = kept.suffix(10) + [Array(0..<100)] }
    }
  default: break
  }
  exit(7)
}

func limit() {
  atExit { say("never") }
  atExit(name: "limited", timeout: .milliseconds(200)) { @Sendable in
    if how == "await" { await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in } }
    rest()
  }
  atExit(timeout: .seconds(100)) { say("in time") }
  exit(7)
}

func manyLimits() {
  for number in 0..<Int(how)! { atExit(timeout: .seconds(100 + number)) { say("never") } }
  atExit(timeout: .milliseconds(200)) { @Sendable in rest() }
  for number in 0..<Int(how)! { atExit(timeout: .seconds(100 + number)) { say("in time") } }
  exit(7)
}

func badLimits() {
  ExitStack.process.onFailure { failure in say(failure.description) }
  let handler = atExit(name: "limited", timeout: .zero) { say("never") }
  say("\(handler.isPending)")
  atExit(name: "negative", timeout: .seconds(-1)) { say("never") }
  atExit(timeout: .nanoseconds(1)) {}
  atExit(timeout: .seconds(1 << 40)) { say("never") }
  do { try ExitStack.process.setDeadline(.seconds(-1)) } catch { say("\(error.code == .invalidArgument)") }
  ExitStack.process.deadline = .seconds(100)
  ExitStack.process.deadline = .seconds(-1)
  say("\(ExitStack.process.deadline!)")
  ExitStack.process.deadline = nil
  say("\(ExitStack.process.deadline == nil)")
  ExitStack.process.statusOnTimeout = 256
  say("\(ExitStack.process.statusOnTimeout)")
  ExitStack.process.cancelAll()
}

func limitOfNothing() {
  @Sendable func number(_ number: Int) { say("never") }
  @Sendable func numberLater(_ number: Int) async { say("never") }
  ExitStack.process.onFailure { _ in say("refused") }
  let stack = ExitStack()
  let handlers = [
    atExit(timeout: .zero) { say("never") }, stack.register(timeout: .zero) { say("never") },
    atExit(timeout: .zero) { _ in say("never") }, stack.register(timeout: .zero) { _ in say("never") },
    atExit(timeout: .zero) { await numberLater(1) }, stack.register(timeout: .zero) { await numberLater(1) },
    atExit(timeout: .zero) { _ in await numberLater(1) }, stack.register(timeout: .zero) { _ in await numberLater(1) },
    atExit(timeout: .zero, number, 1), stack.register(timeout: .zero, number, 1),
    atExit(timeout: .zero, numberLater, 1), stack.register(timeout: .zero, numberLater, 1),
  ]
  say("\(handlers.filter(\.isPending).count) of \(handlers.count) pending")
}

func crash() {
  atExit(name: "bad one") {
    let none: Int? = how == "trap" ? nil : 1
    say("\(none!)")
    UnsafeMutablePointer<Int>(bitPattern: 8)!.pointee = 1
  }
  exit(7)
}

func quick() {
  atExit { say("never") }
  atQuickExit { say("older") }
  atQuickExit(name: "throws") {
    say("newer")
    throw CancellationError()
  }
  atQuickExit {
    await Task.yield()
    say("async")
  }
  atQuickExit { @MainActor in say("main actor") }
  atQuickExit { say("never") }.cancel()
  quick_exit(5)
}

/// Plain Swift, without the library's signals: after the source is cancelled, its signal stays without effect.
func cancelledSource() {
  let source = DispatchSource.makeSignalSource(signal: SIGTERM, queue: .global())
  let cancelled = DispatchSemaphore(value: 0)
  source.setCancelHandler { cancelled.signal() }
  source.resume()
  source.cancel()
  cancelled.wait()
  stay()
}

/// Asks for an exit while a source reads the signal already. The source drains and exits, unless it was cancelled before.
func sourceFirst() {
  let source = DispatchSource.makeSignalSource(signal: SIGTERM, queue: .global())
  let active = DispatchSemaphore(value: 0)
  let cancelled = DispatchSemaphore(value: 0)
  source.setRegistrationHandler { active.signal() }
  source.setEventHandler {
    say("drained")
    exit(3)
  }
  source.setCancelHandler { cancelled.signal() }
  atExit { exit in say("handler \(exit.status!)") }
  source.activate()
  active.wait()
  do { try exitOnSignals() } catch { say("\(error)") }
  if arguments.contains("cancelled") {
    source.cancel()
    cancelled.wait()
  }
  stay()
}

/// A source that comes after `exitOnSignals` takes the signal away, and leaves the signal to nobody when it is cancelled.
func sourceLater() {
  do { try exitOnSignals() } catch { say("\(error)") }
  let source = DispatchSource.makeSignalSource(signal: SIGTERM, queue: .global())
  let active = DispatchSemaphore(value: 0), cancelled = DispatchSemaphore(value: 0)
  source.setRegistrationHandler { active.signal() }
  source.setEventHandler { say("never") }
  source.setCancelHandler { cancelled.signal() }
  source.activate()
  active.wait()
  source.cancel()
  cancelled.wait()
  atExit { @Sendable in
    say("hanging")
    rest()
  }
  exit(3)
}

enum Database {
  static let isClosed = Atomic(false)
  struct Closed: Error {}
}

/// A handler closes what the body uses; the body's error is the work of the exit. The handler of the main actor, which runs
/// last, waits until the main thread has left the body.
func errorInExit() {
  ExitStack.process.mainActorGracePeriod = .seconds(60)
  atExit { @MainActor in say("main has left") }
  atExit { @Sendable in Database.isClosed.store(true, ordering: .sequentiallyConsistent) }
  exitAfter(report: how == "report" ? { say("told \($0)") } : nil) {
    try exitOnSignals()
    say("ready")
    while !Database.isClosed.load(ordering: .sequentiallyConsistent) {}
    throw Database.Closed()
  }
}

func backtracer() {
  atExit { @Sendable in say("handler") }
  do { try exitOnSignals(.quit) } catch { say("\(error)") }
  stay()
}

/// A cancellation by a name that no handler has.
func noNames() {
  say("\(ExitStack.process.cancel(named: "flush"))")  // nothing is pending: no mistake
  if how == "one name" { atExit(name: "other") {}.cancel() }
  let stack = ExitStack()
  stack.register {}
  say("\(stack.cancel(named: "flush"))")
  say("\(stack.cancel(named: "flush"))")
  stack.cancelAll()
}

// MARK: - Real programs: each undoes its changes outside of the process, by every way out

struct WayOut: Error {}

/// Leaves in the way that the last argument names.
func leave() {
  switch arguments.last! {
  case "return": return
  case "exit": exit(3)
  case "ExitStack.exit": ExitStack.process.exit(3)
  case "thread":
    DispatchQueue.global().async { exit(3) }
    rest()
  case "throw": exitAfter { throw WayOut() }
  case "failing handler": atExit { throw WayOut() }
  case "signal":
    do { try exitOnSignals() } catch { say("\(error)") }
    say("ready")
    rest()
  case "deadline":
    ExitStack.process.deadline = .milliseconds(200)
    atExit(phase: .late) { rest() }
    exit(3)
  default: say("no such way")
  }
}

func terminal() {
  let file = open(how, O_RDWR | O_NOCTTY)
  var before = termios()
  tcgetattr(file, &before)
  var raw = before
  cfmakeraw(&raw)
  tcsetattr(file, TCSANOW, &raw)
  let settings = before
  atExit {
    var settings = settings
    tcsetattr(file, TCSANOW, &settings)
  }
  leave()
}

@_silgen_name("fork") func makeChild() -> Int32

func directory() {
  let path = how + "/own"
  mkdir(path, 0o700)
  close(open(path + "/file", O_CREAT, 0o600))
  atExit {
    unlink(path + "/file")
    rmdir(path)
  }
  let child = makeChild()
  if child == 0 { exit(0) }
  waitpid(child, nil, 0)
  if access(path + "/file", F_OK) != 0 { say("the child deleted it") }
  leave()
}
