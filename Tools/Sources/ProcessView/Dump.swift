// SPDX-License-Identifier: Apache-2.0

/// The dump of a process that takes no part: the handlers that the exiter runs, and the pending ones, the next handler first.
///
/// The process does not stop for the dump, so the dump of a process that registers at the same time may miss entries.
package struct Dump {
  package enum Refusal: Error { case noLibrary, nothingRegistered }

  private let layout: Layout, memory: any Memory
  private var lines: [String] = []
  private var shown: Set<UInt64> = []
  private static let nested = 4, asleep = 3

  package static func of(_ memory: any Memory, process: Int) throws -> [String] {
    let layouts = Layout.find(in: memory)
    guard !layouts.isEmpty else { throw Refusal.noLibrary }
    guard let leader = layouts.first(where: \.isLeader) else { throw Refusal.nothingRegistered }
    var dump = Dump(layout: leader, memory: memory)
    dump.showRunning(process)
    dump.lines.append("pending, the next one first:")
    dump.show(stack: leader.stack(0), depth: 0)
    dump.showOtherStacks()
    return dump.lines
  }

  private init(layout: Layout, memory: any Memory) { (self.layout, self.memory) = (layout, memory) }

  private mutating func showRunning(_ process: Int) {
    let thread = layout.exiter
    var line = "ExitKit: process \(process) is \(thread == 0 ? "not " : "")exiting"
    if thread != 0 && layout.value(layout.leaving, layout.statusKnown) != 0 {
      line += " with status \(layout.value(layout.leaving, layout.status) & 255)"
    }
    lines.append(line)
    var frame = thread == 0 ? 0 : layout.value(thread, layout.running)
    for _ in 0..<64 where frame != 0 {
      let entry = layout.value(frame, layout.frameEntry)
      lines.append("  runs \(title(entry))")
      if part(entry, layout.kind) == Self.nested { show(stack: layout.value(entry, layout.context), depth: 2) }
      frame = layout.value(frame, layout.outer)
    }
  }

  /// The stack of quick_exit, and stacks that the program runs by hand; then nested stacks whose entry has been taken.
  private mutating func showOtherStacks() {
    let none = UInt64(UInt32.max), used = layout.value(layout.stacks, layout.fresh)
    for isNested in [false, true] {
      for index in 1..<UInt32(clamping: max(used, 1)) {
        let stack = layout.stack(index)
        guard layout.value(stack, layout.references) != 0, (layout.value(stack, layout.parent) != none) == isNested,
          !shown.contains(stack),
          (0...3).contains(where: { layout.value(stack, (layout.newest.offset + 4 * $0, 4)) != none })
        else { continue }
        let name = layout.text(layout.value(stack, layout.stackName)).map { "stack \($0)" } ?? "a stack"
        lines.append(
          "\(index == 1 ? "on quick_exit" : isNested ? "\(name), taken off its stack" : "\(name) of its own"):")
        show(stack: stack, depth: 0)
      }
    }
  }

  private mutating func show(stack: UInt64, depth: Int) {
    guard depth < 64, shown.insert(stack).inserted else { return }
    var number = layout.value(stack, layout.count)
    let fresh = layout.value(layout.entries, layout.fresh)
    for phase in [1, 0, 2, Self.asleep] {
      var index = UInt32(layout.value(stack, (layout.newest.offset + 4 * phase, 4)))
      var steps = 0
      while UInt64(index) < fresh && steps <= fresh {
        steps += 1
        let entry = layout.entry(index)
        let isInherited = part(entry, layout.inherited) != 0
        let isParents =
          !isInherited && layout.value(entry, layout.epoch) < layout.value(layout.process, layout.born)
        let runs = phase != Self.asleep && !isParents
        var line = String(repeating: "  ", count: depth + 1) + (runs ? "\(number) " : "- ") + title(entry)
        if runs { number &-= 1 }
        line += ["", " early", " late", ""][phase == Self.asleep ? part(entry, layout.asleepFrom) & 3 : phase]
        line += (isInherited ? " inherited" : "") + (phase == Self.asleep ? " asleep" : "")
        lines.append(line + (isParents ? " a parent's" : ""))
        if part(entry, layout.kind) == Self.nested {
          show(stack: layout.value(entry, layout.context), depth: depth + 1)
        }
        index = UInt32(layout.value(entry, layout.older))
      }
    }
  }

  // ---- One entry

  private func part(_ entry: UInt64, _ bits: (low: Int, width: Int)) -> Int {
    Int(layout.value(entry, layout.bits) >> UInt64(bits.low) & (1 << UInt64(bits.width) - 1))
  }

  private func title(_ entry: UInt64) -> String {
    let isAsleep = part(entry, layout.phase) == Self.asleep
    let hasFile = isAsleep || part(entry, layout.asleepFrom) != Self.asleep
    let kind = part(entry, layout.kind), file = hasFile ? layout.text(layout.value(entry, layout.file)) : nil
    let name = layout.text(layout.value(entry, layout.name))
    var words: [String] = []
    if kind == Self.nested && name != nil { words.append("stack") }
    if let name {
      words.append(name)
    } else if let function = layout.function(ofKind: kind) {
      words.append(symbol(layout.value(entry, function)))
    } else if file == nil {
      words.append("a \(layout.noun(ofKind: kind))")
    }
    if let file { words.append("(\(file):\(part(entry, layout.line)))") }
    return words.joined(separator: " ")
  }

  private func symbol(_ address: UInt64) -> String {
    let above = memory.files.filter { $0.start <= address }.max { $0.start < $1.start }
    guard let above, let object = Object(above.path) else { return "0x\(String(address, radix: 16))" }
    let name = above.path.split(separator: "/").last.map(String.init) ?? ""
    let own = address - object.address(0, whenMappedAt: above.start)
    guard let symbol = object.symbol(at: own) else { return "\(name)+0x\(String(own, radix: 16))" }
    return "\(name)!\(symbol)"
  }
}
