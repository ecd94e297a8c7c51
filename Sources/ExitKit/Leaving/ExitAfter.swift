// SPDX-License-Identifier: Apache-2.0

/// An error that knows the exit status of a program which ends with it, such as a usage error with status 64.
///
/// ``exitAfter(report:_:)`` exits with that status and prints nothing: whoever throws the error has told the user.
public protocol ExitStatusError: Error {
  /// The exit status, 0 to 255.
  var exitStatus: Int32 { get }
}

/// Runs the body of a program, then leaves the process; an error out of the body is reported, and gives status 1.
///
/// ```swift
/// import ExitKit
///
/// struct Usage: ExitStatusError {
///   var exitStatus: Int32 { 64 }
/// }
///
/// exitAfter {
///   atExit { print("cleaned up") }
///   if CommandLine.arguments.count > 10 { throw Usage() }
/// }
/// ```
///
/// In plain Swift an error out of `main` ends the process by a signal, and no handler runs. Here one line goes to
/// stderr, handlers run, and the status says what happened. When the body returns, the process exits with status 0. It
/// leaves by ``ProcessExitStack/exit(_:)``, so handlers run while everything that they use is alive.
///
/// Nothing is printed for an error that carries a status of its own: an ``ExitStatusError``, or the `ExitCode` of
/// swift-argument-parser. While the process exits on a signal, an error out of the body changes nothing and is not told:
/// as a rule the exit is its cause.
///
/// - Parameters:
///   - report: Tells the user of the error, in place of the line on stderr. `nil`: one line, `ExitKit: error: …`.
///   - body: The program.
@inline(never) public func exitAfter(report: ((any Error) -> Void)? = nil, _ body: () throws -> Void) -> Never {
  let caller = Shim.caller
  do { try body() } catch { fail(error, status: nil, report, caller) }
  Shim.exit(0, from: caller)
}

/// Runs the asynchronous body of a program, then leaves the process; an error out of the body is reported.
///
/// The body runs where the caller does. Otherwise as ``exitAfter(report:_:)`` with a synchronous body.
///
/// - Parameters:
///   - report: Tells the user of the error, in place of the line on stderr.
///   - body: The program.
public nonisolated(nonsending) func exitAfter(
  report: ((any Error) -> Void)? = nil, _ body: nonisolated(nonsending) () async throws -> Void
) async -> Never {
  do { try await body() } catch { fail(error, status: nil, report) }
  succeed()
}

/// Runs the body of a program, then leaves the process; an error out of the body gives the exit status.
///
/// - Parameters:
///   - status: The exit status for an error of its type, 0 to 255. Other errors have status 1, or their own.
///   - report: Tells the user of the error, in place of the line on stderr.
///   - body: The program.
@inline(never) public func exitAfter<Failure: Error>(
  status: (Failure) -> Int32, report: ((any Error) -> Void)? = nil, _ body: () throws -> Void
) -> Never {
  let caller = Shim.caller
  do { try body() } catch { fail(error, status: (error as? Failure).map(status), report, caller) }
  Shim.exit(0, from: caller)
}

/// Runs the asynchronous body of a program, then leaves the process; an error out of the body gives the exit status.
///
/// - Parameters:
///   - status: The exit status for an error of its type, 0 to 255. Other errors have status 1, or their own.
///   - report: Tells the user of the error, in place of the line on stderr.
///   - body: The program; it runs where the caller does.
public nonisolated(nonsending) func exitAfter<Failure: Error>(
  status: (Failure) -> Int32, report: ((any Error) -> Void)? = nil,
  _ body: nonisolated(nonsending) () async throws -> Void
) async -> Never {
  do { try await body() } catch { fail(error, status: (error as? Failure).map(status), report) }
  succeed()
}

// An async function has no caller on the stack. These two name the async function, as their own caller.

@inline(never) private func succeed() -> Never { Shim.exit(0, from: Shim.caller) }

@inline(never) private func fail(
  _ error: any Error, status: Int32?, _ report: ((any Error) -> Void)?, _ known: Shim.Caller? = nil
) -> Never {
  let caller = known ?? Shim.caller, own = ownStatus(of: error)
  var sender: Int32 = 0
  // A signal's exit has closed a file or a connection that the body uses: the error tells the user nothing.
  if Shim.exitSignal(sender: &sender) == 0 {
    if let report {
      report(error)
    } else if own == nil {
      Shim.writeLine("ExitKit: error: \(error)".onOneLine)
    }
  }
  Shim.exit(status ?? own ?? 1, from: caller)
}

/// The status that an error carries.
///
/// swift-argument-parser's error is known by its name: the library depends on no package.
private func ownStatus(of error: any Error) -> Int32? {
  if let error = error as? any ExitStatusError { return error.exitStatus }
  guard String(reflecting: type(of: error)) == "ArgumentParser.ExitCode" else { return nil }
  return (error as? any RawRepresentable)?.rawValue as? Int32
}
