// SPDX-License-Identifier: Apache-2.0

/// Makes each of the signals an exit: handlers run, and then the process dies of that very signal.
///
/// A thread made for it exits as `exit` does: all handlers run, libc's too, and its streams are flushed. The process dies
/// of the signal after that, so that its parent sees the truth. It works whatever the main thread is doing. Handlers
/// see the signal in ``ExitContext/reason``, and 128 plus its number as the status.
///
/// - A signal that is ignored already, as by `nohup`, stays ignored.
/// - A second one, once handlers run, ends the process at once; before, within a few milliseconds, it is the same request. One that comes in the middle of an exit that was called
///   lets that come to its end; then the process dies of it.
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
  try Shim.exitOnSignals(signals.map(\.rawValue))
}

/// Makes each of the signals an exit: handlers run, and then the process dies of that very signal.
///
/// - Parameters:
///   - first: One of them.
///   - rest: The others.
/// - Throws: ``ExitError``, as with a set of signals.
public func exitOnSignals(_ first: ExitSignal, _ rest: ExitSignal...) throws(ExitError) {
  try Shim.exitOnSignals([first.rawValue] + rest.map(\.rawValue))
}
