// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// How a process ended, as its parent sees it.
public enum Ending: Equatable, Sendable {
  case exited(Int32)
  case signaled(Int32)
  /// It was still running at its deadline, and was killed.
  case overdue
}

/// What is left of a process that has ended.
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

/// Something the system refused: a failed test, with the reason.
public struct SystemFailure: Error, CustomStringConvertible {
  public let description: String

  init(_ what: String, _ code: Int32) {
    description = "\(what): \(String(cString: strerror(code)))"
  }

  init(_ description: String) {
    self.description = description
  }
}

/// Runs a program to its end. Past its deadline it is killed, with every process it started, and `ending` says so.
///
/// - Parameters:
///   - environment: added to this process's own.
///   - deadline: seconds; generous, because a busy machine is no failure.
public func run(
  _ program: String, _ arguments: [String] = [], environment: [String: String] = [:], deadline: Double = 60
) throws -> Outcome {
  try ChildProcess(program, arguments, environment: environment, deadline: deadline).finish()
}

/// A program at work: for a test that has to wait for a line of it, or send it a signal, before it ends.
///
/// It leads a process group of its own, has every signal at its default, and standard input is a pipe that stays open
/// until `finish`. It is always reaped. Not for use by several threads.
public final class ChildProcess {
  public let identifier: pid_t
  private var input: Int32
  private var channels: [Channel]
  private let overdue: Double
  private var ending: Ending?

  public init(
    _ program: String, _ arguments: [String] = [], environment: [String: String] = [:], deadline: Double = 60
  ) throws {
    let words = words(program, arguments)
    let (identifier, ends) = try starting.withLock { _ in try spawn(words[0], Array(words.dropFirst()), environment) }
    self.identifier = identifier
    input = ends[0]
    channels = [Channel(ends[1]), Channel(ends[2])]
    overdue = now() + (isForeign ? min(deadline, 20) : deadline)  // a fixture that hangs there hangs in every run
  }

  deinit {
    if ending == nil { _ = stop(atOnce: true) }
  }

  /// Standard output, as far as it was read.
  public var output: String { channels[0].text }

  /// Reads until `text` has appeared on standard output. False: it ended, or its deadline passed, without.
  public func waitForOutput(_ text: String) -> Bool {
    while !channels[0].text.contains(text) {
      guard channels[0].isOpen, readMore() else { return false }
    }
    return true
  }

  public func send(_ signal: Int32) {
    if ending == nil { kill(identifier, signal) }
  }

  /// Gives the program `text` on its standard input.
  public func write(_ text: String) {
    var text = text
    text.withUTF8 { _ = Glibc.write(input, $0.baseAddress, $0.count) }
  }

  /// Closes its standard input, reads all it has to say, and reaps it.
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
      if ended.si_signo == 0 && !atOnce { poll(nil, 0, 2) }  // it has closed its output, so it is about to end
    } while ended.si_signo == 0 && !atOnce && now() < overdue
    kill(-identifier, SIGKILL)  // what it started, too; not reaped yet, it keeps the group's number its own
    var status: Int32 = 0
    while waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
    if ended.si_signo == 0 {
      ending = .overdue
    } else {
      ending = status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .signaled(status & 0x7F)
    }
    channels.filter(\.isOpen).forEach { close($0.descriptor) }
    return Outcome(ending ?? .overdue, output: channels[0].text, errors: channels[1].text)
  }

  /// False: the deadline has passed.
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

/// Seconds on the clock that nobody sets.
private func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

// Held from the making of a pipe until its ends are marked: a program started meanwhile would keep them open.
private let starting = Mutex(())

/// The new process, and this process's ends of its standard input, output and error.
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
