// SPDX-License-Identifier: Apache-2.0

import ExitTrace

/// A reason why clean-up would not run, and the advice.
package struct Finding: Equatable {
  package let what, advice: String
}

/// A look at a program, or at a process: objects, signals, libc.
package struct Doctor {
  package let objects: [Object]
  package let status: Status
  package let isRunning: Bool
  /// Copies that have a stack of their own; nil where the memory of the process may not be read.
  private let leaders: Int?
  private let settings: Settings?

  /// What the process asked the library for, as its memory says.
  package struct Settings {
    /// Nanoseconds; 0: none.
    package var deadline: UInt64
    /// The signals that are to become an exit.
    package var signals: Set<Int>

    package init(deadline: UInt64, signals: Set<Int>) { (self.deadline, self.signals) = (deadline, signals) }

    /// Nil: the memory may not be read, or nothing was registered.
    init?(of process: Int) {
      guard let memory = LiveMemory(process), let leader = Layout.find(in: memory).first(where: \.isLeader),
        let deadline = leader.deadline, let signals = leader.signals
      else { return nil }
      self.init(deadline: leader.value(deadline, (0, 8)), signals: Status.signals(leader.value(signals, (0, 8))))
    }
  }

  package enum Refusal: Error { case noProcess, noProgram }

  package init(process: Int) throws {
    guard let status = Status(of: "\(process)"), let maps = lines(of: "/proc/\(process)/maps") else {
      throw Refusal.noProcess
    }
    var starts: [String: UInt64] = [:], paths: [String] = []
    for line in maps {
      guard let slash = line.firstIndex(of: "/") else { continue }
      let path = String(line[slash...])
      if starts[path] != nil { continue }
      starts[path] = UInt64(line.prefix { $0 != "-" }, radix: 16)
      paths.append(path)
    }
    // The root of the process may differ, as in a container.
    objects = paths.compactMap { Object("/proc/\(process)/root\($0)") }
    self.status = status
    isRunning = true
    leaders = Self.leaders(of: process, objects, starts)
    settings = Settings(of: process)
  }

  /// The program would begin with the ignored and the blocked signals of this process.
  package init(program path: String) throws {
    guard let object = Object(path), let status = Status(of: "self") else { throw Refusal.noProgram }
    objects = Self.closure(of: object)
    self.status = status
    isRunning = false
    leaders = nil
    settings = nil
  }

  package init(objects: [Object], status: Status, isRunning: Bool, settings: Settings? = nil) {
    (self.objects, self.status, self.isRunning, leaders) = (objects, status, isRunning, nil)
    self.settings = settings
  }

  private static func leaders(of process: Int, _ objects: [Object], _ starts: [String: UInt64]) -> Int? {
    let memory = open("/proc/\(process)/mem", O_RDONLY | O_CLOEXEC)
    guard memory >= 0 else { return nil }
    defer { close(memory) }
    var leaders = 0
    for object in objects {
      let base = starts[String(object.path.dropFirst("/proc/\(process)/root".count))] ?? 0
      for copy in object.copies {
        var claimed: UInt32 = 0
        let address = object.address(copy.address, whenMappedAt: base)
        guard pread(memory, &claimed, 4, off_t(address + 8)) == 4 else { continue }
        leaders += claimed != 0 ? 1 : 0
      }
    }
    return leaders
  }

  private static func closure(of first: Object) -> [Object] {
    var objects = [first], seen: Set<String> = [], folders = first.folders
    var next = 0
    while next < objects.count {
      let object = objects[next]
      next += 1
      folders += object.folders
      for name in object.needed where seen.insert(name).inserted {
        let paths = name.contains("/") ? [name] : (folders + Libraries.folders).map { "\($0)/\(name)" }
        if let found = paths.lazy.compactMap({ Object($0) }).first { objects.append(found) }
      }
    }
    return objects
  }

  // ---- Findings

  package func findings() -> [Finding] {
    core() + first() + signals() + deadline() + libc() + late()
  }

  private var hasCore: Bool { objects.contains { !$0.copies.isEmpty } }
  private var isFirstLinked: Bool {
    objects.contains { $0.contains("cexit_order_or_first") && $0.contains("__wrap___libc_start_main") }
  }

  private func core() -> [Finding] {
    guard hasCore else {
      return [
        Finding(
          what: "The program has no ExitKit and no CExitShim: only libc's own handlers run.",
          advice: "Link ExitKit or CExitShim; a plug-in may bring it later.")
      ]
    }
    let kinds = Set(objects.flatMap { $0.copies.map(\.sharing) })
    guard kinds.count > 1 || leaders ?? 0 > 1 else { return [] }
    return [
      Finding(
        what: "Two copies of the library cannot share a stack, so each runs its own handlers, in no common order.",
        advice: "Build all parts of the program with one version of ExitKit.")
    ]
  }

  private func first() -> [Finding] {
    guard status.isFirst else { return [] }
    return [
      Finding(
        what: "The process is number 1: the kernel drops each signal that it has no handler for.",
        advice: "Take signals with exitOnSignals (cexit_exit_on_signals), or start it under an init: docker run --init."
      )
    ]
  }

  private func signals() -> [Finding] {
    let names = [(1, "SIGHUP"), (2, "SIGINT"), (15, "SIGTERM")]
    func named(_ numbers: Set<Int>) -> String? {
      let found = names.filter { numbers.contains($0.0) }.map(\.1)
      return found.isEmpty ? nil : found.joined(separator: ", ")
    }
    let ignored = status.signals("SigIgn"), blocked = status.signals("SigBlk"), taken = status.signals("SigCgt")
    var findings: [Finding] = []
    let lost = (settings?.signals ?? []).subtracting(taken)
    if !lost.isEmpty {
      let names = lost.sorted().map { signalName($0) }.joined(separator: ", ")
      findings.append(
        Finding(
          what: "\(names): was to become an exit, and the library's handler is gone: other code reset the signal.",
          advice: "Call exitOnSignals (cexit_exit_on_signals) after that code, or leave the signal alone there."))
    }
    if let names = named(ignored.subtracting(lost)) {
      findings.append(
        Finding(
          what: "\(names): ignored, so no such signal ends the program. nohup and a shell's & ignore signals.",
          advice: "Start the program without, or take the signal with exitOnSignals (cexit_exit_on_signals)."))
    }
    if let names = named(blocked.subtracting(ignored).subtracting(isRunning ? taken : []).subtracting(lost)) {
      findings.append(
        Finding(
          what: "\(names): blocked, so no such signal arrives.",
          advice: "Unblock the signal in the program that starts this one (sigprocmask)."))
    }
    if isRunning,
      let names = named(Set([15]).subtracting(ignored).subtracting(blocked).subtracting(taken).subtracting(lost))
    {
      findings.append(
        Finding(
          what: "\(names): nothing takes it, so the kernel ends the process without clean-up.",
          advice: "Take the signal with exitOnSignals (cexit_exit_on_signals)."))
    }
    return findings
  }

  private func deadline() -> [Finding] {
    guard let settings, settings.deadline == 0 else { return [] }
    return [
      Finding(
        what: "No deadline: a handler that hangs keeps the process for ever.",
        advice: "Set ExitStack.process.deadline (cexit_set_deadline).")
    ]
  }

  private func libc() -> [Finding] {
    let advice = "Leave by ExitKit's exit (cexit_exit), which lets one thread exit; or link CExitFirst."
    for object in objects where !isFirstLinked {
      if let version = object.version(after: "GNU C Library"), version.isEmpty,
        let number = object.version(after: "stable release version "), number.count > 1, number[0] == 2, number[1] < 41
      {
        return [
          Finding(
            what: "glibc 2.\(number[1]): plain exit by two threads at once is undefined; glibc 2.41 makes it safe.",
            advice: advice)
        ]
      }
      if object.path.contains("/ld-musl-") {
        return [Finding(what: "musl: plain exit by two threads at once is undefined.", advice: advice)]
      }
    }
    return []
  }

  private func late() -> [Finding] {
    if isFirstLinked || !hasCore { return [] }
    let files = objects.map { $0.path.split(separator: "/").last ?? "" }
    return Libraries.late.compactMap { library in
      let found = library.files.filter { file in files.contains { $0.hasPrefix(file.beginning) } }.map(\.name)
      guard !found.isEmpty else { return nil }
      return Finding(
        what:
          "\(Set(found).sorted().joined(separator: ", ")): \(library.habit), so after plain exit it may be gone when "
          + "handlers run.",
        advice: "Link CExitFirst, or leave by ExitKit's exit (cexit_exit): then handlers run before libc's exit.")
    }
  }
}
