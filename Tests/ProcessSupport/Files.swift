// SPDX-License-Identifier: Apache-2.0
//
// Files around the tests: the folder of programs that SwiftPM has built, folders for the output of a test, and the
// text of a file.

import Glibc

/// The folder that SwiftPM builds into: the programs of this package are beside the tests.
public let builtPrograms: String = {
  var path = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
  readlink("/proc/self/exe", &path, Int(PATH_MAX))
  let text = path.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  return String(text[..<(text.lastIndex(of: "/") ?? text.startIndex)])
}()

/// The path of a program of Tests/Programs, or of an example.
public func builtProgram(_ name: String) -> String { "\(builtPrograms)/\(name)" }

/// An empty folder of that name beside the built programs; the former contents of the folder go.
public func emptyFolder(_ name: String) throws -> String {
  let folder = "\(builtPrograms)/\(name)"
  _ = try run("rm", ["-rf", folder])
  guard mkdir(folder, 0o777) == 0 else { throw SystemFailure(folder, errno) }
  return folder
}

/// The text of a file.
public func contents(_ path: String) throws -> String {
  guard let file = fopen(path, "r") else { throw SystemFailure(path, errno) }
  defer { fclose(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
  return String(decoding: bytes, as: UTF8.self)
}

/// Makes a file of a text, and the folders around the file.
public func write(_ text: String, to path: String) throws {
  for end in path.indices.dropFirst() where path[end] == "/" { mkdir(String(path[..<end]), 0o777) }
  guard let file = fopen(path, "w") else { throw SystemFailure(path, errno) }
  let written = fputs(text, file)
  guard fclose(file) == 0, written >= 0 else { throw SystemFailure(path, errno) }
}
