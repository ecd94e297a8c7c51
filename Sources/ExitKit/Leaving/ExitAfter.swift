// SPDX-License-Identifier: Apache-2.0

/// Runs the body of a program; an error out of it is reported, and the process exits with status 1.
///
/// In plain Swift an error out of `main` ends the process by a signal, and no handler runs. Here one line goes to
/// stderr, handlers run, and the status says what happened. When the body returns, so does this.
///
/// - Parameter body: The program.
public func exitAfter(_ body: () throws -> Void) {
  do { try body() } catch { leave(error, status: 1) }
}

/// Runs the asynchronous body of a program; an error out of it is reported, and the process exits with status 1.
///
/// The body runs where the caller does. Otherwise as with a synchronous body.
///
/// - Parameter body: The program.
public nonisolated(nonsending) func exitAfter(_ body: nonisolated(nonsending) () async throws -> Void) async {
  do { try await body() } catch { leave(error, status: 1) }
}

/// Runs the body of a program; an error out of it is reported, and gives the process its exit status.
///
/// - Parameters:
///   - status: The exit status for an error of its type, 0 to 255. Other errors have status 1.
///   - body: The program.
public func exitAfter<Failure: Error>(status: (Failure) -> Int32, _ body: () throws -> Void) {
  do { try body() } catch { leave(error, status: (error as? Failure).map(status) ?? 1) }
}

/// Runs the asynchronous body of a program; an error out of it is reported, and gives the process its exit status.
///
/// - Parameters:
///   - status: The exit status for an error of its type, 0 to 255. Other errors have status 1.
///   - body: The program; it runs where the caller does.
public nonisolated(nonsending) func exitAfter<Failure: Error>(
  status: (Failure) -> Int32, _ body: nonisolated(nonsending) () async throws -> Void
) async {
  do { try await body() } catch { leave(error, status: (error as? Failure).map(status) ?? 1) }
}

private func leave(_ error: any Error, status: Int32) -> Never {
  Shim.writeLine("ExitKit: error: \(error)".onOneLine)
  Shim.exit(status)
}
