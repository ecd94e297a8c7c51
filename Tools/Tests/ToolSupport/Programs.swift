// SPDX-License-Identifier: Apache-2.0
//
// How the tests of the command exitkit work: a test compiles a C program of Tools/Tests/Fixtures with the static library
// that `make install` installs, runs the program with or under the command, and compares the command's output.

import Foundation

private let tools = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// The folder of the repository.
package let root = tools.deletingLastPathComponent().path

/// The path of a file below Tools.
package func toolFile(_ path: String) -> String { tools.appending(path: path).path }

/// The path of a program that PATH has.
package func find(_ program: String) -> String? {
  (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(program)" }
    .first { FileManager.default.isExecutableFile(atPath: $0) }
}

package struct NotBuilt: Error, CustomStringConvertible {
  package let description: String
}

/// The standard output of a program that a test needs; a program that is missing, or fails, is an error.
@discardableResult package func output(_ program: String, _ arguments: [String]) throws -> String {
  guard let path = find(program) else { throw NotBuilt(description: "no \(program)") }
  let process = Process(), output = Pipe(), errors = FileManager.default.temporaryDirectory.appending(path: "\(UUID())")
  _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
  defer { try? FileManager.default.removeItem(at: errors) }
  process.executableURL = URL(filePath: path)
  process.arguments = arguments
  process.standardOutput = output
  process.standardError = try FileHandle(forWritingTo: errors)
  try process.run()
  let text = try output.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  guard process.terminationStatus == 0 else {
    let said = (try? String(contentsOf: errors, encoding: .utf8)) ?? ""
    throw NotBuilt(description: "\(program) \(arguments): status \(process.terminationStatus)\n\(said)")
  }
  return String(decoding: text, as: UTF8.self)
}

/// A folder that is gone after the test.
package func inFolder(_ body: (String) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appending(path: "exitkit-\(UUID())")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder.path)
}

// One make at a time, and once for all tests. The objects stay in the folder of the installation, as make's do.
private let libraries = Result {
  try output("make", ["-s", "-C", root, "CC=cc", "SWIFTC="] + staticLibraries.map { ".build-install/cc/\($0)" })
}
private let staticLibraries = ["libCExitShim.a", "libCExitFirst.a"]

package enum Linked { case alone, core, first }

/// Compiles C text into a file of the folder: a program, or with `-shared` among the flags a library.
@discardableResult
package func compile(_ source: String, into path: String, _ linked: Linked = .alone, _ flags: [String] = []) throws
  -> String
{
  let text = "\(path).c"
  try source.write(toFile: text, atomically: false, encoding: .utf8)
  defer { try? FileManager.default.removeItem(atPath: text) }
  return try compile(file: text, into: path, linked, flags)
}

@discardableResult
package func compile(file: String, into path: String, _ linked: Linked = .core, _ flags: [String] = []) throws -> String
{
  var words = ["-O1", "-std=c11", "-D_GNU_SOURCE", "-I\(root)/Sources/CExitShim/include", "-o", path, file] + flags
  if linked != .alone { _ = try libraries.get() }
  if linked == .first { words += ["-Wl,--undefined=exit", "\(root)/.build-install/cc/libCExitFirst.a"] }
  if linked != .alone { words += ["\(root)/.build-install/cc/libCExitShim.a", "-lpthread", "-ldl"] }
  try output("cc", words)
  return path
}
