// SPDX-License-Identifier: Apache-2.0
//
// The libc that the fixtures start with. A test whose result depends on this libc asks here: by a property named after the
// behaviour, never by the name and the version of the libc. `Scripts/matrix` runs the tests with fixtures of other libcs.

import Glibc

/// EXITKIT_LIBC, as `Scripts/matrix` sets it ("glibc 2.41", "musl 1.2.6"); else the libc of this process.
private let libc: (name: String, version: [Int]) = {
  var words = getenv("EXITKIT_LIBC").map { String(cString: $0).split(separator: " ") } ?? ["glibc"]
  if words.count == 1, let symbol = dlsym(nil, "gnu_get_libc_version") {
    let version = unsafeBitCast(symbol, to: (@convention(c) () -> UnsafePointer<CChar>).self)
    words.append(Substring(String(cString: version())))
  }
  let numbers = words.dropFirst().first?.split { $0 == "." || $0 == "-" }.compactMap { Int($0) } ?? []
  return (words.first.map { String($0) } ?? "", numbers)
}()

/// One thread at a time is in libc's exit, and the other threads wait for ever: glibc 2.41, musl 1.2.6.
public let libcLocksExit: Bool =
  libc.name == "musl"
  ? !libc.version.lexicographicallyPrecedes([1, 2, 6]) : !libc.version.lexicographicallyPrecedes([2, 41])

public let isMusl = libc.name == "musl"

/// A call of atexit after the last handler waits for ever: musl before 1.2.6.
public let libcHangsLate = isMusl && !libcLocksExit

/// dlclose takes an object out of the process. musl keeps each object, and its handlers, to the end.
public let libcUnloads = !isMusl

/// The text of `strerror` in this libc.
public func errorText(_ number: Int32) -> String {
  switch (isMusl, number) {
  case (true, 0): "No error information"
  case (true, ELOOP): "Symbolic link loop"
  default: String(cString: strerror(number))
  }
}

/// Threads that exit at once lose handlers of plain libc: glibc before 2.41.
public let libcLosesHandlers = libc.name == "glibc" && !libcLocksExit
