// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import ExitTrace

@Suite struct BlameTests {
  @Test func `the slowest handler comes first, and the longest chain last`() throws {
    #expect(
      try TraceText.mixed().trace().blame() == """
        server: exit, status 3; 5 handlers in 6.6 ms, 1 failed, 1 not run

            3 ms   45 %  ████████  save                   failed: disk full  Server/main.swift:12
            2 ms   30 %  █████▍    unload                 Server/main.swift:12
            1 ms   15 %  ██▋       close                  Server/main.swift:12
          500 µs    8 %  █▍        stop listening  early  Server/main.swift:12
          100 µs    2 %  ▎         flush           late   Server/main.swift:12
            0 ns    0 %            plug-ins               Server/main.swift:12

        Longest chain: plug-ins 5 ms → save 3 ms

        """)
  }

  @Test func `handlers beyond the list are summed up, and lines keep to the width`() throws {
    var text = TraceText()
    for number in 0..<30 { text.run("task \(number) " + String(repeating: "終了", count: 40)) }
    let lines = try text.trace().blame(width: 60, most: 5).split(separator: "\n")
    #expect(lines.dropFirst().allSatisfy { columns(of: String($0)) <= 60 })
    #expect(lines.last == "   25 ms         in 25 more")
  }

  @Test func `control characters of names do not reach the terminal`() throws {
    var text = TraceText(#"\u001b]0;title\u0007"#)
    text.run(#"\u001b[2J\u009b31m\r\n"#)
    let blame = try text.trace().blame()
    #expect(!blame.unicodeScalars.contains { $0.properties.generalCategory == .control && $0 != "\n" })
    #expect(blame.contains("?[2J?31m??"))
  }
}

@Suite struct WhyTests {
  @Test(arguments: [
    (
      "stop", "flush",
      "stop listening runs before flush: stop listening has the phase early, and flush the later phase late."
    ),
    (
      "save", "unload",
      "unload runs before save: of one phase the handler that was registered last runs first, and unload is number 2, save number 1."
    ),
    (
      "close", "save",
      "save runs before close: save is in plug-ins, and of one phase the handler that was registered last runs first, and plug-ins is number 4, close number 3."
    ),
    ("save", "plug-ins", "save runs inside plug-ins, its stack."),
    ("cache", "close", "cache did not run: its object was alive, or it was cancelled."),
    ("close", "close", "close is one handler."),
  ]) func `one sentence says why`(one: String, other: String, sentence: String) throws {
    #expect(try TraceText.mixed().trace().why(one, other) == sentence)
  }

  @Test func `a handler that was registered in the course of the exit is named as the reason`() throws {
    var text = TraceText()
    text.run("old", number: 1)
    text.run("new", number: 2)
    text.run("newer", phase: "early", number: 1)
    #expect(try text.trace().why("old", "new") == "old runs before new: new was registered after old had begun.")
    #expect(
      try text.trace().why("new", "newer")
        == "new runs before newer: newer of the phase early was registered after new had begun.")
  }

  @Test func `the time between two registrations is told, and of a late one when`() throws {
    let trace = try TraceText.registered().trace()
    #expect(
      try trace.why("open", "close")
        == "close runs before open: of one phase the handler that was registered last runs first, and close, number 2, was registered 12 ms after open, number 1."
    )
    #expect(
      try trace.why("close", "late")
        == "close runs before late: late was registered after close had begun, 1 ms after the exit began.")
  }

  @Test func `a handler that the program took back is told`() throws {
    #expect(
      try TraceText.registered().trace().why("taken", "open")
        == "taken back did not run: the program cancelled it 0 ns after the exit began.")
  }

  @Test func `unknown and ambiguous names are errors that list names`() throws {
    let trace = try TraceText.mixed().trace()
    #expect(throws: TraceError.self) { try trace.why("nothing", "save") }
    #expect(
      throws: TraceError.ambiguous(
        "l",
        [
          "stop listening (Server/main.swift:12)", "plug-ins (Server/main.swift:12)",
          "unload (Server/main.swift:12)", "close (Server/main.swift:12)", "flush (Server/main.swift:12)",
        ])
    ) {
      try trace.why("l", "save")
    }
  }
}

@Suite struct DifferenceTests {
  @Test func `a trace does not differ from itself`() throws {
    let trace = try TraceText.mixed().trace(), difference = Difference(from: trace, to: trace)
    #expect(difference.lines.isEmpty)
    #expect(!difference.isOther)
  }

  @Test func `handlers that came, went, moved and took longer are told`() throws {
    var old = TraceText(), new = TraceText()
    for name in ["a", "b", "c", "d"] { old.run(name) }
    for name in ["c", "a", "b", "e"] { new.run(name, name == "b" ? 5000 : 1000) }
    let difference = try Difference(from: old.trace(), to: new.trace())
    #expect(difference.isOther)
    #expect(
      difference.lines == [
        "- d (1 ms)", "+ e (1 ms)", "  c: at another place", "  b: 1 ms → 5 ms", "  the whole: 4 ms → 8 ms",
      ])
  }

  @Test func `another caller of the exit is a difference`() throws {
    let old = TraceText.registered(caller: "server!leave+0x2c"), new = TraceText.registered(caller: "server!fail+0x10")
    let difference = try Difference(from: old.trace(), to: new.trace())
    #expect(difference.lines == ["  called by: leave (server) → fail (server)"])
    #expect(difference.isOther)
  }

  @Test func `time alone is no difference`() throws {
    var old = TraceText(), new = TraceText()
    old.run("a")
    new.run("a", 9000)
    #expect(try !Difference(from: old.trace(), to: new.trace()).isOther)
  }
}

@Suite struct TextTests {
  @Test func `wide characters take two columns`() {
    #expect(columns(of: "終了 ok é 😀") == 12)
    #expect(cut("終了終了", to: 6) == "終了…")
    #expect(pad("終", to: 4) == "終  ")
  }

  @Test(arguments: [
    (0.0, "0 ns"), (0.25, "250 ns"), (0.9999, "1 µs"), (12.34, "12.3 µs"), (999.7, "1 ms"), (2_000_000, "2 s"),
  ]) func `a duration has three digits at most and a unit`(time: Double, text: String) {
    #expect(duration(time) == text)
  }
}
