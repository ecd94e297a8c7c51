// SPDX-License-Identifier: Apache-2.0

import Glibc
import ProcessSupport

/// Code between fences of README.md, an article or a doc comment, with the notes about it. A note is a comment in front of the block, which
/// no reader sees. A block with more of a program around the block says so to the reader in its first line, which begins with
/// "Part of a program".
///
///     <!-- program NAME      the code is part of a program: a line "…" of the note stands for the code, which is
///     code                   otherwise the end; NAME, for Swift, is that of the module
///     -->
///     <!-- prints            all that the program prints; a block without a language behind it says the same, visibly
///     lines
///     -->
///     <!-- ends: status 3 -->     how the program ends, unless by status 0; or "signal 15"
///     <!-- compiles -->           the program is not run
///     <!-- manifest -->           lines of a Package.swift: dependencies and products
///     <!-- file: PATH -->         the block is an excerpt of that file, which has tests of its own; PATH from the root
///     <!-- writes: PATH -->       a file of the article's own program, which has a test of its own
///     <!-- not run: REASON -->
struct Block: Sendable {
  let document: String
  let line: Int
  let language: String
  let text: String
  let notes: [String: String]

  /// Unique, and a name for a module.
  var name: String { notes["program"].flatMap(\.firstWord) ?? "\(document.prefix { $0 != "." })\(line)" }

  /// Whether a reader who copies the block lacks lines of the program.
  var isPart: Bool { notes["program"]?.afterFirstLine.contains { !$0.isWhitespace } == true }

  /// The whole program.
  var program: String { (notes["program"]?.afterFirstLine ?? "").framing(text) }

  /// Writes the program to a folder of sources. Places in its messages count lines of the block.
  func writeSwift(to folder: String) throws {
    let path = "\(folder)/\(text.contains("@main") ? "Program" : "main").swift"
    let marked = "#sourceLocation(file: \"\(path)\", line: 1)\n\(text)#sourceLocation()\n"
    try write((notes["program"]?.afterFirstLine ?? "").framing(marked), to: path)
  }

  var ending: Ending {
    let words = notes["ends"]?.split(separator: " ") ?? []
    guard words.count == 2, let number = Int32(words[1]) else { return .exited(0) }
    return words[0] == "signal" ? .signaled(number) : .exited(number)
  }

  /// Standard output, then standard error. Nil: nothing is said of it.
  var transcript: String? { notes["prints"]?.afterFirstLine }

  /// A program that is compiled here, in that language.
  func isProgram(_ language: String) -> Bool {
    self.language == language && ["not run", "file", "manifest", "writes"].allSatisfy { notes[$0] == nil }
  }
}

extension Block {
  /// The blocks of README.md, of all articles and of all doc comments.
  static func all() throws -> [Block] {
    let articles = try filesIn("\(repository)/\(articlesFolder)").filter { $0.hasSuffix(".md") }.sorted()
    return try blocks(of: "README.md", contents("\(repository)/README.md").lines)
      + articles.flatMap { try blocks(of: $0, contents("\(repository)/\(articlesFolder)/\($0)").lines) }
      + ofDocComments()
  }

  /// A line of code counts as text, so that no note reaches over code.
  private static func ofDocComments() throws -> [Block] {
    let sources = "\(repository)/Sources/ExitKit"
    let rooms = try filesIn(sources).filter { !$0.contains(".") }.sorted()
    return try rooms.flatMap { room in
      try filesIn("\(sources)/\(room)").filter { $0.hasSuffix(".swift") }.sorted().flatMap { file in
        try blocks(
          of: file,
          contents("\(sources)/\(room)/\(file)").lines.map { line in
            let text = line.drop { $0 == " " }
            return text.hasPrefix("///") ? text.dropFirst(text.hasPrefix("/// ") ? 4 : 3) : "."
          })
      }
    }
  }

  private static func blocks(of document: String, _ lines: [Substring]) throws -> [Block] {
    var blocks: [Block] = []
    var notes: [String: String] = [:]
    var follows = false  // only empty lines since the last block
    var index = 0
    /// The lines up to one that ends so, and the index behind them.
    func take(until isEnd: (Substring) -> Bool) -> [Substring] {
      let first = index
      while index < lines.count && !isEnd(lines[index]) { index += 1 }
      index += 1
      return Array(lines[first..<min(index, lines.count)])
    }
    while index < lines.count {
      let line = lines[index], number = index + 1
      if line.hasPrefix("<!--") {
        let note = take { $0.hasSuffix("-->") }.joined(separator: "\n").dropFirst(4).dropLast(3)
        let key = ["not run", "program", "prints", "ends", "compiles", "manifest", "file", "writes"].first {
          note.drop { $0 == " " }.hasPrefix($0)
        }
        guard let key else { throw Misread(line: "\(document):\(number)") }
        notes[key] = String(note.drop { $0 == " " }.dropFirst(key.count).drop { $0 == ":" || $0 == " " })
      } else if line.hasPrefix("```") {
        index += 1
        let text = take { $0.hasPrefix("```") }.dropLast().map { $0 + "\n" }.joined()
        let language = String(line.dropFirst(3))
        if language == "" && follows && notes.isEmpty, let last = blocks.popLast() {
          let notes = last.notes.merging(["prints": "\n" + text]) { $1 }
          blocks.append(
            Block(document: document, line: last.line, language: last.language, text: last.text, notes: notes))
        } else {
          blocks.append(Block(document: document, line: number, language: language, text: text, notes: notes))
        }
        notes = [:]
        follows = true
      } else {
        if !line.isEmpty { (notes, follows) = ([:], false) }
        index += 1
      }
    }
    return blocks
  }
}

let repository = "\(packageRoot)/.."
private let articlesFolder = "Sources/ExitKit/ExitKit.docc"

extension String {
  fileprivate var firstWord: String? { lines[0].split(separator: " ").first.map(String.init) }
  fileprivate var afterFirstLine: String { lines.dropFirst().joined(separator: "\n") }

  /// Puts `text` in place of the line "…", or at the end.
  fileprivate func framing(_ text: String) -> String {
    let parts = ("\n" + self).split(separator: "\n…\n", maxSplits: 1, omittingEmptySubsequences: false)
    return parts.count == 2 ? "\(parts[0].dropFirst())\n\(text)\(parts[1])" : self + text
  }
}
