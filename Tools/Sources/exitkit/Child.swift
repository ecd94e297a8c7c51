// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The program that `exitkit run` runs.
///
/// Signals to exitkit are blocked, taken singly, and passed on; the program begins with the signal mask that
/// exitkit began with.
struct Child {
  let process: pid_t
  private var status: Int32 = 0
  /// In microseconds, by the clock of the trace.
  private(set) var end = 0.0
  private var taken = sigset_t()
  private static let passed = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT, SIGWINCH, SIGPIPE]

  init(_ words: [String], environment: [String: String]) throws {
    var before = sigset_t()
    sigemptyset(&taken)
    for signal in Self.passed + [SIGCHLD] { sigaddset(&taken, signal) }
    sigprocmask(SIG_BLOCK, &taken, &before)
    for (name, value) in environment { setenv(name, value, 1) }
    var attributes = posix_spawnattr_t(), process = pid_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setsigmask(&attributes, &before)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { arguments.forEach { free($0) } }
    let error = posix_spawnp(&process, words[0], nil, &attributes, &arguments, environ)
    guard error == 0 else {
      sigprocmask(SIG_SETMASK, &before, nil)
      throw Failure("cannot run \(words[0])", error)
    }
    self.process = process
  }

  mutating func hasEnded() -> Bool {
    guard waitpid(process, &status, WNOHANG) != 0 else { return false }
    end = microseconds()
    return true
  }

  var signal: Int32 { status & 0x7f }
  var exitStatus: Int32 { (status >> 8) & 0xff }

  /// The kernel sends the signals of a terminal's keys to the whole group, and so to the program, too.
  mutating func passSignals(patience seconds: Double) {
    var information = siginfo_t()
    var time = timespec(tv_sec: 0, tv_nsec: Int(seconds * 1e9))
    let signal = sigtimedwait(&taken, &information, &time)
    if signal > 0 && signal != SIGCHLD && information.si_code != SI_KERNEL { kill(process, signal) }
  }

  /// Exits with the status of the program; or by its signal, without another core file.
  func endLikewise() -> Never {
    if signal == 0 { exit(exitStatus) }
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    Glibc.signal(signal, SIG_DFL)
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, signal)
    raise(signal)
    sigprocmask(SIG_UNBLOCK, &set, nil)
    exit(128 + signal)
  }
}
