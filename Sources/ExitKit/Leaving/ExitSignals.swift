// SPDX-License-Identifier: Apache-2.0

/// Makes each of the signals an exit: handlers run, and then the process dies of that very signal.
///
/// ```swift
/// import ExitKit
///
/// func serve() throws {}
///
/// exitAfter {
///   try exitOnSignals()
///   atExit { print("cleaned up") }          // also on Ctrl-C
///   try serve()
/// }
/// ```
///
/// A thread made for it exits as `exit` does: all handlers run, libc's too, and its streams are flushed. The process dies
/// of the signal after that, so that its parent sees the truth. It works whatever the main thread is doing. Handlers
/// see the signal in ``ExitContext/reason``, and 128 plus its number as the status.
///
/// Call it in the body of ``exitAfter(report:_:)``: the main thread may go on while the handlers run, and may fail because
/// a handler has closed a file or a connection. An error out of a plain `main` is a crash, which ends the exit; an error
/// out of the body of `exitAfter` then changes nothing and prints nothing.
///
/// - A signal that is ignored already, as by `nohup`, stays ignored.
/// - A second signal, once handlers run, ends the process at once; within half a second of the first it is part of the
///   same request, and SIGHUP always is. A signal in the middle of an exit that was called lets that exit come to its end; then the process
///   dies of the signal.
/// - A handler of the system's that was there before has the signal at the end, in its place.
/// - A forked child has the signals as they were before, until it calls this itself.
///
/// More may be added by another call. The same signals once more change nothing.
///
/// - Parameter signals: Which; Ctrl-C, the usual request to end and a closed terminal unless given.
/// - Throws: ``ExitError`` with the code ``ExitError/Code/invalidArgument`` for a signal that does not exist, that
///   cannot be caught, that does not end a process by itself (such as `SIGCHLD`) or that reports a crash (such as
///   `SIGSEGV`); for want of memory or of a thread; when it is too late. Then none was taken.
public func exitOnSignals(_ signals: Set<ExitSignal> = [.interrupt, .terminate, .hangup]) throws(ExitError) {
  try take(signals.sorted { $0.rawValue < $1.rawValue })
}

/// Makes each of the signals an exit: handlers run, and then the process dies of that very signal.
///
/// - Parameters:
///   - first: One of them.
///   - rest: The others.
/// - Throws: ``ExitError``, as with a set of signals.
public func exitOnSignals(_ first: ExitSignal, _ rest: ExitSignal...) throws(ExitError) {
  try take([first] + rest)
}

/// Asks C, and tells which signal was refused, and why.
private func take(_ signals: [ExitSignal]) throws(ExitError) {
  do {
    try Shim.exitOnSignals(signals.map(\.rawValue))
  } catch {
    guard error.code == .invalidArgument, let refused = signals.lazy.compactMap(refusal).first else { throw error }
    throw ExitError(.invalidArgument, refused)
  }
}

private func refusal(of signal: ExitSignal) -> String? {
  switch Shim.signalNames[signal.rawValue] {
  case "SIGKILL", "SIGSTOP":
    return "\(signal) cannot be caught: the kernel ends or stops the process"
  case "SIGCHLD", "SIGCONT", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGWINCH":
    return "\(signal) does not end a process by default, so it cannot become an exit"
  case "SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGTRAP", "SIGABRT", "SIGSYS":
    return "\(signal) reports a crash: the thread that crashed cannot go on to exit"
  default:
    return Shim.signalExists(signal.rawValue) ? nil : "\(signal) does not exist on this system"
  }
}
