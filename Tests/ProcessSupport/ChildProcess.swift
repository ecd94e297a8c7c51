// SPDX-License-Identifier: Apache-2.0
//
// How the tests of processes work: a test starts a fixture or a program of Tests/Programs in a process of its own. The
// program prints a transcript; handlers of the program print names in the order of running. The test compares
// transcript and wait status with the expected values. No test sends a signal to itself, or takes a sleep for an order.
// Each program leads a process group, which is killed at the end of the test: no child of a program outlives the test.

import Glibc
import Synchronization

/// How a process ended, as the parent sees the end.
public enum Ending: Equatable, Sendable {
  case exited(Int32)
  case signaled(Int32)
  /// The process was still running at its deadline, and was killed.
  case overdue
}

/// The output and the end of a process.
public struct Outcome: Equatable, Sendable {
  public let ending: Ending
  /// Standard output, whole.
  public let output: String
  /// Standard error, whole.
  public let errors: String

  public init(_ ending: Ending, output: String = "", errors: String = "") {
    self.ending = ending
    self.output = output
    self.errors = errors
  }
}

/// The system refused a call. The test fails with the call's name and the reason.
public struct SystemFailure: Error, CustomStringConvertible {
  public let description: String

  init(_ what: String, _ code: Int32) {
    description = "\(what): \(String(cString: strerror(code)))"
  }

  init(_ description: String) {
    self.description = description
  }
}

/// Runs a program to its end. At the deadline the program is killed, with every process of its group, and `ending` is
/// `.overdue`.
///
/// - Parameters:
///   - environment: variables in addition to the environment of the tests.
///   - deadline: seconds. The default is generous, since a busy machine must not fail a test.
public func run(
  _ program: String, _ arguments: [String] = [], environment: [String: String] = [:], deadline: Double = 180
) throws -> Outcome {
  try ChildProcess(program, arguments, environment: environment, deadline: deadline).finish()
}

/// A running program, for a test that waits for a line of the program or sends a signal before the end.
///
/// The program leads a process group of its own, and has every signal at its default. Standard input is a pipe that
/// stays open until `finish`. `finish` and `deinit` reap the program. A `ChildProcess` is for a single thread.
public final class ChildProcess {
  public let identifier: pid_t
  private var input: Int32
  private var channels: [Channel]
  private let overdue: Double
  private var ending: Ending?

  public init(
    _ program: String, _ arguments: [String] = [], environment: [String: String] = [:], deadline: Double = 180
  ) throws {
    let words = words(program, arguments)
    let (identifier, ends) = try starting.withLock { _ in try spawn(words[0], Array(words.dropFirst()), environment) }
    self.identifier = identifier
    input = ends[0]
    channels = [Channel(ends[1]), Channel(ends[2])]
    // A fixture that hangs on another libc always hangs. More than the default is for a fixture of many rounds. An emulated
    // fixture is slow.
    let most: Double = (deadline > 180 ? 120 : 20) * (isEmulated ? 3 : 1)
    overdue = now() + (isForeign ? min(deadline, most) : deadline)
  }

  deinit {
    if ending == nil { _ = stop(atOnce: true) }
  }

  /// The part of standard output that was read so far.
  public var output: String { channels[0].text }

  /// Reads until `text` has appeared on standard output. False: the program ended or reached its deadline before.
  public func waitForOutput(_ text: String) -> Bool {
    while !channels[0].text.contains(text) {
      guard channels[0].isOpen, readMore() else { return false }
    }
    return true
  }

  /// Waits until the program's main thread sleeps in the kernel. A program that is "ready" may still be on its way into the
  /// call that a test means to interrupt. False: the program ended or reached its deadline before.
  public func waitUntilMainSleeps() -> Bool {
    while now() < overdue, let state = try? contents("/proc/\(identifier)/stat"), !state.contains(") Z ") {
      if state.contains(") S ") { return true }
      poll(nil, 0, 1)
    }
    return false
  }

  public func send(_ signal: Int32) {
    if ending == nil { kill(identifier, signal) }
  }

  /// Gives the program `text` on its standard input.
  public func write(_ text: String) {
    var text = text
    text.withUTF8 { _ = Glibc.write(input, $0.baseAddress, $0.count) }
  }

  /// Closes the program's standard input, reads all of its output, and reaps the program.
  public func finish() -> Outcome {
    closeInput()
    while channels.contains(where: \.isOpen), readMore() {}
    return stop(atOnce: false)
  }

  private func closeInput() {
    if input >= 0 { close(input) }
    input = -1
  }

  private func stop(atOnce: Bool) -> Outcome {
    closeInput()
    var ended = siginfo_t()
    repeat {
      waitid(P_PID, id_t(identifier), &ended, WEXITED | WNOHANG | WNOWAIT)
      if ended.si_signo == 0 && !atOnce { poll(nil, 0, 2) }  // the program has closed its output, so its end is near
    } while ended.si_signo == 0 && !atOnce && now() < overdue
    kill(-identifier, SIGKILL)  // the whole group, whose number cannot be reused before the program is reaped
    var status: Int32 = 0
    while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
    if ended.si_signo == 0 {
      ending = .overdue
    } else {
      ending = status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .signaled(status & 0x7F)
    }
    channels.filter(\.isOpen).forEach { close($0.descriptor) }
    return Outcome(ending ?? .overdue, output: channels[0].text, errors: withoutEmulator(channels[1].text))
  }

  /// Returns false when the deadline has passed.
  private func readMore() -> Bool {
    let left = overdue - now()
    guard left > 0 else { return false }
    let open = channels.indices.filter { channels[$0].isOpen }
    var polled = open.map { pollfd(fd: channels[$0].descriptor, events: Int16(POLLIN), revents: 0) }
    guard poll(&polled, nfds_t(polled.count), Int32(left * 1000) + 1) > 0 else { return true }
    for (index, answer) in zip(open, polled) where answer.revents != 0 { channels[index].read() }
    return true
  }
}

/// Standard error of a program without what the emulator says there: a line for each process that a signal ends.
private func withoutEmulator(_ errors: String) -> String {
  guard isEmulated, errors.contains("qemu: ") else { return errors }
  return errors.split(separator: "\n", omittingEmptySubsequences: false)
    .filter { !$0.hasPrefix("qemu: uncaught target signal ") }.joined(separator: "\n")
}

private struct Channel {
  let descriptor: Int32
  private(set) var isOpen = true
  private var bytes: [UInt8] = []

  var text: String { String(decoding: bytes, as: UTF8.self) }

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
  }

  mutating func read() {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = Glibc.read(descriptor, &buffer, buffer.count)
    if count > 0 {
      bytes += buffer[..<count]
    } else if count == 0 || errno != EINTR {
      isOpen = false
      close(descriptor)
    }
  }
}

/// Seconds of the monotonic clock.
private func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

// Held from the making of a pipe until both ends are close-on-exec: a program started in between would inherit the
// ends.
private let starting = Mutex(())

/// A new process, and the test's ends of the pipes to the process's standard input, output and error.
private func spawn(
  _ program: String, _ arguments: [String], _ environment: [String: String]
) throws -> (pid_t, ends: [Int32]) {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  var ours: [Int32] = []
  var theirs: [Int32] = []
  defer { theirs.forEach { close($0) } }
  for target in Int32(0)...2 {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw SystemFailure("pipe", errno) }
    ends.forEach { _ = fcntl($0, F_SETFD, FD_CLOEXEC) }
    if target == 0 { ends.reverse() }
    ours.append(ends[0])
    theirs.append(ends[1])
    posix_spawn_file_actions_adddup2(&actions, ends[1], target)
  }

  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  var none = sigset_t()
  var all = sigset_t()
  sigemptyset(&none)
  sigfillset(&all)
  posix_spawnattr_setsigmask(&attributes, &none)
  posix_spawnattr_setsigdefault(&attributes, &all)
  posix_spawnattr_setpgroup(&attributes, 0)
  posix_spawnattr_setflags(
    &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

  var inherited: [String] = []
  var entry = environ
  while let variable = entry.pointee {
    inherited.append(String(cString: variable))
    entry += 1
  }
  let kept = inherited.filter { !environment.keys.contains(String($0.prefix { $0 != "=" })) }
  let argv = ([program] + arguments).map { strdup($0) } + [nil]
  let envp = (kept + environment.map { "\($0)=\($1)" }).map { strdup($0) } + [nil]
  defer { (argv + envp).forEach { free($0) } }

  var identifier: pid_t = 0
  let error = posix_spawnp(&identifier, program, &actions, &attributes, argv, envp)
  guard error == 0 else {
    ours.forEach { close($0) }
    throw SystemFailure("cannot start \(program)", error)
  }
  return (identifier, ours)
}
