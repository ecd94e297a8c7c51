// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import ExitTrace

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct PictureTests {
  @Test func `each handler has a bar, and each nested stack a bracket`() throws {
    let elements = try Elements(Picture(TraceText.mixed().trace()).svg())
    #expect(elements.all("rect").count { $0["class"]?.hasPrefix("bar ") == true } == 5)
    #expect(elements.all("path").count { $0["class"] == "bracket" } == 1)
    #expect(elements.all("rect").count { $0["class"] == "bar bad" } == 1)
    #expect(elements.all("path").contains { $0["class"] == "deadline" } == false, "20 ms is far from 6.6 ms")
  }

  @Test func `the tip of a handler has the time and the number of its registration`() throws {
    let svg = try Picture(TraceText.registered().trace()).svg()
    #expect(svg.contains("registered 20 ms before the exit, as number 3\n"))
    #expect(svg.contains("registered 1 ms after the exit began, as number 2\n"))
    #expect(try !Picture(TraceText.mixed().trace()).svg().contains("registered"))
  }

  @Test func `each phase has its colour, in bars, dots and legend`() throws {
    let elements = try Elements(Picture(TraceText.mixed().trace()).svg())
    func count(_ element: String, _ style: String) -> Int { elements.all(element).count { $0["class"] == style } }
    #expect(
      ["bar early", "bar normal", "bar late"].map { count("rect", $0) } == [1, 2, 1], "the failed handler is red")
    #expect(["early", "normal", "late"].map { count("circle", $0) } == [1, 3, 1])
    #expect(
      ["early", "normal", "late", "bad"].map { count("rect", $0) } == [1, 2, 1, 1], "the legend; a wait has two")
    #expect(elements.labels.map(\.text).contains("early phase"))
  }

  @Test func `waits are hatched, on the bar of the handler that waits or in a row`() throws {
    let inside = try Elements(Picture(TraceText.mixed().trace()).svg())
    #expect(inside.all("rect").count { $0["class"] == "wait" } == 2, "on the bar and in the legend")
    #expect(!inside.labels.contains { $0.text.hasPrefix("waits for") })
    var text = TraceText()
    text.event("another thread", "wait", "B", thread: 8)
    text.run("close")
    let outside = try Elements(Picture(text.trace()).svg())
    #expect(outside.labels.contains { $0.text == "waits for another thread" })
    #expect(outside.all("pattern").contains { $0["id"] == "wait" })
    #expect(Picture.style.contains(".wait{fill:url(#wait)}"))
  }

  @Test func `libc's other handlers have a row, where they take time`() throws {
    var text = TraceText()
    text.run("close")
    text.event("after the stack", "foreign", "B")
    text.pass(500)
    text.event("after the stack", "foreign", "E")
    text.finish()
    let elements = try Elements(Picture(text.trace()).svg())
    #expect(elements.all("rect").count { $0["class"] == "foreign" } == 2, "the row and the legend")
    #expect(elements.labels.contains { $0.text == "libc, after the stack" })
  }

  @Test func `each colour has a value for light and a value for dark`() throws {
    let parts = Picture.style.components(separatedBy: "@media(prefers-color-scheme:dark)")
    try #require(parts.count == 2)
    let used = Set(Picture.style.matches(of: /var\((--[a-z]+)\)/).map { String($0.output.1) })
    func set(_ text: String) -> Set<String> { Set(text.matches(of: /(--[a-z]+):/).map { String($0.output.1) }) }
    #expect(used.isSubset(of: set(parts[0])))
    #expect(set(parts[0]) == set(parts[1]))
  }

  @Test func `a hanging handler is red, and the deadline is a line`() throws {
    var text = TraceText(deadline: 0.004)
    text.run("close")
    text.begin("flush")
    text.pass(3000)
    text.finish()
    let elements = try Elements(Picture(text.trace()).svg())
    #expect(elements.all("rect").count { $0["class"] == "bar stuck" } == 1)
    #expect(elements.all("path").count { $0["class"] == "deadline" } == 2, "in the picture and in the legend")
  }

  @Test(arguments: [0, 1, 3, 30, 60, 61, 3000]) func `labels do not overlap`(handlers: Int) throws {
    var text = TraceText(String(repeating: "a very long name of a program ", count: 20))
    for number in 0..<handlers {
      text.run("task \(number) " + String(repeating: "表", count: number % 40), Double(number * 7919 % 1000), number: 1)
    }
    let elements = try Elements(Picture(text.trace()).svg())
    var rows: [String: [ClosedRange<Double>]] = [:]
    for label in elements.labels {
      #expect(label.range.lowerBound >= 0 && label.range.upperBound <= Picture.width)
      for other in rows[label.row, default: []] { #expect(!other.overlaps(label.range), "\(label)") }
      rows[label.row, default: []].append(label.range)
    }
  }

  @Test func `3,000 handlers make a small picture with the slow and the failed handlers`() throws {
    var text = TraceText()
    for number in 0..<3000 {
      text.begin("task \(number)")
      text.pass(number == 1500 ? 9000 : 5)
      text.end("", number == 2000 ? "failed" : "ok")
    }
    let trace = try text.trace(), rows = Row.rows(of: trace)
    #expect(rows.count <= 60)
    #expect(rows.contains(.handler(1500)))
    #expect(rows.contains(.handler(2000)))
    let shown = rows.reduce(0) { sum, row in
      switch row {
      case .handler: sum + 1
      case .folded(let handlers): sum + handlers.count
      default: sum
      }
    }
    #expect(shown == 3000)
    #expect(Picture(trace).svg().utf8.count < 64_000)
  }

  @Test func `names with markup and control characters leave the picture well-formed`() throws {
    var text = TraceText(#"<b>&\u0001\u001b[31m"#)
    text.run(#"</svg><script>\"\u202e]]>"#)
    let elements = try Elements(Picture(text.trace()).svg())
    #expect(elements.all("script").isEmpty)
    #expect(elements.labels.contains { $0.text.hasPrefix("</svg><script>\"?]]>") })
  }

  @Test func `the tooltip of a handler has lines, and a name with a line break is one line`() throws {
    var text = TraceText()
    text.run(#"stop\nlistening"#, 500, phase: "early", number: 5)
    #expect(
      try Elements(Picture(text.trace()).svg()).titles.last == """
        stop?listening
        early phase, stack process, number 5
        Server/main.swift:12
        0 ns after the exit began, 500 µs, thread 7
        """)
  }

  @Test func `marks of the axis are round times`() {
    let marks = Axis(left: 0, width: 100, length: 27_500).marks
    #expect(marks == [0, 5000, 10_000, 15_000, 20_000, 25_000])
    #expect(Axis.step(for: 0.3) == 0.5)
  }
}

/// The elements of a picture that is well-formed XML.
private final class Elements: NSObject, XMLParserDelegate {
  struct Label { var row: String, range: ClosedRange<Double>, text: String }
  private var elements: [(name: String, attributes: [String: String])] = []
  private(set) var labels: [Label] = []
  private(set) var titles: [String] = []
  private var characters = ""

  init(_ svg: String) throws {
    super.init()
    let parser = XMLParser(data: Data(svg.utf8))
    parser.delegate = self
    try #require(parser.parse(), "\(String(describing: parser.parserError))")
  }

  func all(_ name: String) -> [[String: String]] { elements.filter { $0.name == name }.map(\.attributes) }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    elements.append((name, attributes))
    characters = ""
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) { characters += string }

  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
    if name == "title" { titles.append(characters) }
    guard name == "text", let attributes = elements.last(where: { $0.name == "text" })?.attributes else { return }
    let style = attributes["class"] ?? "", x = Double(attributes["x"] ?? "") ?? 0
    // The font's own advance: 0.6 em in the monospace fonts of the list.
    let advance = style.contains("title") ? 9.64 : style.contains("small") ? 6.63 : 7.23
    let width = max(Double(columns(of: characters)) * advance, 0)
    let start = attributes["text-anchor"].map { $0 == "end" ? x - width : x - width / 2 } ?? x
    labels.append(Label(row: attributes["y"] ?? "", range: start...(start + width), text: characters))
  }
}
