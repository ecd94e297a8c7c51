// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Straight to standard output, with no buffer between, so that the line comes out however the process ends.
public func say(_ words: String...) {
  var line = words.joined(separator: " ") + "\n"
  line.withUTF8 { _ = write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}

public struct DiskFull: Error {
  public init() {}
}

/// Never returns, and lets nothing else run on this thread.
public func block() -> Never {
  while true { pause() }
}

/// Never returns, does not sleep, and lets nothing else run on this thread.
public func work() -> Never {
  while true { sched_yield() }
}

/// Never returns, and leaves the thread to other jobs.
public nonisolated(nonsending) func suspend() async {
  await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
}
