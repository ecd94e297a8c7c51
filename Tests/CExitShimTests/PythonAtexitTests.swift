// SPDX-License-Identifier: Apache-2.0
//
// `Fixtures/python-atexit.c` is Python's module atexit over the C API, and takes the place of Python's own in a program. The
// checks, in `Fixtures/python-atexit.py`, are CPython's tests of atexit and weakref.finalize, written anew.

import ProcessSupport
import Testing

private let hasModuleOfTests: ConditionTrait = .enabled("this Python has no _testcapi") {
  try run("python3", ["-c", "import _testcapi"]).ending == .exited(0)
}

@Suite(.disabled(if: isSanitized || isForeign, "this Python has another libc, or no sanitizer"))
struct PythonAtexitTests {
  private func python(_ way: String) throws -> Outcome {
    let headers = words(of: "python3-config", "--includes").flatMap { ["-isystem", String($0.dropFirst(2))] }
    let module = try compile(
      "python-atexit.c",
      .plugin.with {
        $0.core = .linked
        $0.programFlags = headers
      })
    return try run("python3", ["\(packageRoot)/Tests/Fixtures/python-atexit.py", module, way], deadline: 60)
  }

  @Test(needs("python3-dev")) func `CPython's tests of atexit and weakref.finalize pass on a module over the C API`()
    throws
  {
    let outcome = try python("checks")
    #expect(outcome.ending == .exited(0) && outcome.errors == "")
    let numbers = outcome.output.split(separator: "\n").flatMap { line in
      line.split { !$0.isNumber && !$0.isLetter }.compactMap { Int($0) }
    }
    // 14, 17, 22 and 29 end the interpreter: see below. 18 to 21 are of a second interpreter in the process.
    #expect(numbers.sorted() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 23, 24, 25, 26, 27, 28, 30])
  }

  @Test(needs("python3-dev"), hasModuleOfTests) func `an interpreter without memory ends, and runs no handler`() throws
  {
    let outcome = try python("memory")
    #expect([.exited(0), .exited(1)].contains(outcome.ending) && outcome.output == "")
  }

  @Test(needs("python3-dev"), arguments: zip(["exit", "libc"], [Int32(0), 5]))
  func `handlers in Python run newest first, by the interpreter's end and by libc's exit`(
    way: String, status: Int32
  ) throws {
    let outcome = try python(way)
    #expect(outcome.ending == .exited(status) && outcome.errors == "")
    // Python 3.12 starts no threads in a handler.
    #expect(
      outcome.output.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("thread") } == [
        "registered in a handler", "two", "last finalizer", "from a finalizer", "first finalizer", "one",
      ])
  }
}
