// SPDX-License-Identifier: Apache-2.0

import ProcessSupport
import Testing

@Suite struct SwiftForkTests {
  @Test(
    arguments: [
      ("fork, and the child only exits", ["child: 7", "parent's"]),
      (
        "fork, and the child registers",
        [
          "pending false, count 0, cancel false", "exit Optional(7)", "child's async", "child's", "child: 7",
          "parent's",
        ]
      ),
      (
        "fork, and the entry is inherited",
        [
          "inherited child's state", "inherited", "child: 7", "inherited parent's state", "inherited", "parent's",
        ]
      ),
      (
        "fork, and the child adopts",
        ["child's", "module's", "parent's", "child: 7", "module's", "parent's"]
      ),
      ("fork, and objects are the parent's", ["child: 7", "parent's object", "released object"]),
    ])
  func `a child runs its own, its inherited and its adopted handlers`(
    case name: String, lines: [String]
  ) throws {
    #expect(try runProgram("Cases", name) == Outcome(.exited(0), output: lines.map { "\($0)\n" }.joined()))
  }

  @Test func `a child that a handler forks runs its own handlers, by each way out`() throws {
    #expect(try runProgram("Cases", "fork in a handler") == Outcome(.exited(3), output: "child's\nchild: 7\nolder\n"))
    #expect(
      try runProgram("Cases", "fork in a handler, and the child comes back")
        == Outcome(.exited(3), output: "child's\nchild: 3\nolder\n"))
  }
}
