// SPDX-License-Identifier: Apache-2.0

#if AtExitMacro
  import SwiftSyntaxMacrosGenericTestSupport
  import Testing

  @Suite struct `What the attribute refuses` {
    @Test func `required parameters are offered a default value each`() {
      expectExpansion(
        of: "@AtExit func save(to path: String, _ mode: Int?, quiet: Bool = true) {}",
        to: "func save(to path: String, _ mode: Int?, quiet: Bool = true) {}",
        refused: [
          DiagnosticSpec(
            message: "@AtExit calls the function without arguments, and 'path' needs one", line: 1, column: 19,
            fixIts: [FixItSpec(message: "give 'path' a default value")]),
          DiagnosticSpec(
            message: "@AtExit calls the function without arguments, and 'mode' needs one", line: 1, column: 36,
            fixIts: [FixItSpec(message: "give 'mode' a default value")]),
        ],
        fixed: "@AtExit func save(to path: String = <#default value#>, _ mode: Int? = nil, quiet: Bool = true) {}")
    }

    @Test(arguments: [
      ("func close() {}", "static func close() {}"),
      ("mutating func close() {}", "static func close() {}"),
      ("public func close() {}", "public static func close() {}"),
    ])
    func `an instance method is offered to be static`(_ method: String, _ fixed: String) {
      let column = 11 + (method.split(separator: "close")[0].count)
      expectExpansion(
        of: "struct Log {\n  @AtExit \(method)\n}", to: "struct Log {\n  \(method)\n}",
        refused: [
          DiagnosticSpec(
            message: "@AtExit cannot register an instance method: there is no instance before the program starts",
            line: 2, column: column, fixIts: [FixItSpec(message: "make 'close' static")])
        ],
        fixed: "struct Log {\n  @AtExit \(fixed)\n}")
    }

    @Test func `a closure in a variable is offered to be a function`() {
      expectExpansion(
        of: "@AtExit private let done = { print(1) }", to: "private let done = { print(1) }",
        refused: [
          DiagnosticSpec(
            message: "@AtExit registers functions, and this is a closure in a variable", line: 1, column: 1,
            fixIts: [FixItSpec(message: "make it a function")])
        ],
        fixed: "@AtExit private func done() { print(1) }")
    }

    @Test(arguments: [
      ("@AtExit var count = 1", "@AtExit registers functions, and this is a variable"),
      ("@AtExit let done: () -> Void = { print(1) }", "@AtExit registers functions, and this is a variable"),
      ("@AtExit func end<T>(_ type: T.Type = Int.self) {}", genericFunction),
      ("@AtExit enum Log {}", "@AtExit registers functions, and this is none"),
    ])
    func `the attribute is offered to be removed where nothing else helps`(_ source: String, _ message: String) {
      let bare = String(source.dropFirst("@AtExit ".count))
      expectExpansion(
        of: source, to: bare,
        refused: [
          DiagnosticSpec(message: message, line: 1, column: 1, fixIts: [FixItSpec(message: "remove '@AtExit'")])
        ], fixed: bare)
    }

    @Test(arguments: [
      ("struct Box<T> {", "static func end() {}", genericType),
      ("extension Box<Int> {", "static func end() {}", genericType),
      ("extension Box where T: Sendable {", "static func end() {}", genericType),
      ("extension Outer<Int>.Inner {", "static func end() {}", genericType),
      ("protocol Log {", "static func end()", "@AtExit needs a function with a body, and a protocol only asks for one"),
      ("class Log {", "init() {}", "@AtExit registers functions, and this is an initializer"),
      ("class Log {", "deinit {}", deinitializer),
      ("class Log {", "subscript(_ index: Int) -> Int { 1 }", "@AtExit registers functions, and this is a subscript"),
    ])
    func `a wrong use in a type is refused, too`(_ type: String, _ member: String, _ message: String) {
      let bare = "\(type)\n  \(member)\n}"
      expectExpansion(
        of: "\(type)\n  @AtExit \(member)\n}", to: bare,
        refused: [
          DiagnosticSpec(message: message, line: 2, column: 3, fixIts: [FixItSpec(message: "remove '@AtExit'")])
        ], fixed: bare)
    }

    @Test func `a generic type is seen from a type inside`() {
      expectExpansion(
        of: "enum Outer<T> {\n  enum Inner {\n    @AtExit static func end() {}\n  }\n}",
        to: "enum Outer<T> {\n  enum Inner {\n    static func end() {}\n  }\n}",
        refused: [
          DiagnosticSpec(message: genericType, line: 3, column: 5, fixIts: [FixItSpec(message: "remove '@AtExit'")])
        ],
        fixed: "enum Outer<T> {\n  enum Inner {\n    static func end() {}\n  }\n}")
    }

    @Test func `a local function is to be registered by a call`() {
      expectExpansion(
        of: "func run() {\n  @AtExit func end() {}\n}", to: "func run() {\n  func end() {}\n}",
        refused: [
          DiagnosticSpec(
            message: "@AtExit registers before the program starts, and a local function does not exist then", line: 2,
            column: 3, fixIts: [FixItSpec(message: "remove '@AtExit', and call 'atExit(end)' where it is known")])
        ],
        fixed: "func run() {\n  func end() {}\n}")
    }
  }

  private let genericFunction = "@AtExit cannot register a generic function: nothing says for which arguments"
  private let genericType = "@AtExit cannot register a function of a generic type: nothing says for which arguments"
  private let deinitializer =
    "@AtExit registers functions, and this is a deinitializer: see 'finalize' for clean-up of an object that is alive at exit"
#endif
