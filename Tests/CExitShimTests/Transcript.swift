// SPDX-License-Identifier: Apache-2.0
//
// How tests of a stack work that end no process: the test makes a stack of its own, registers handlers that say a line,
// runs or changes the stack in the process of the tests, and compares the lines with the expected lines.

import CExitShim

/// The lines that a test's handlers say, in order. `register` makes the handlers. A test compares `take()` with the
/// expected lines.
final class Transcript {
  private(set) var lines: [String] = []

  func say(_ line: String) { lines.append(line) }

  /// The lines said since the last call of `take`.
  func take() -> [String] {
    defer { lines = [] }
    return lines
  }

  /// Registers a handler that says `text`, then calls `action`. The handler's release calls `onRelease`.
  @discardableResult
  func register(
    _ text: String, on stack: OpaquePointer?, _ phase: CExitPhase = .normal, name: StaticString? = nil,
    line: UInt32 = 0, action: @escaping (Transcript) -> Void = { _ in }, onRelease: ((Transcript) -> Void)? = nil
  ) -> cexit_handler {
    let handler = Handler(text, self, action, onRelease)
    var entry = cexit_entry()
    entry.function = { Unmanaged<Handler>.fromOpaque($0!).takeUnretainedValue().run() }
    entry.release = { Unmanaged<Handler>.fromOpaque($0!).takeRetainedValue().release() }
    entry.context = Unmanaged.passRetained(handler).toOpaque()
    entry.phase = phase
    entry.name = name.map { UnsafeRawPointer($0.utf8Start).assumingMemoryBound(to: CChar.self) }
    entry.line = line
    var handle = cexit_handler()
    error = cexit_register(stack, &entry, &handle)
    if error != 0 { Unmanaged<Handler>.fromOpaque(entry.context!).release() }
    return handle
  }

  /// The result of the last registration: 0 or an errno value.
  private(set) var error: Int32 = 0
}

private final class Handler {
  private let text: String
  private let transcript: Transcript
  private let onRelease: ((Transcript) -> Void)?
  private let action: (Transcript) -> Void

  init(
    _ text: String, _ transcript: Transcript, _ action: @escaping (Transcript) -> Void,
    _ onRelease: ((Transcript) -> Void)?
  ) {
    self.text = text
    self.transcript = transcript
    self.onRelease = onRelease
    self.action = action
  }

  func run() {
    transcript.say(text)
    action(transcript)
  }

  func release() {
    guard let onRelease else { return }
    transcript.say("released \(text)")
    onRelease(transcript)
  }
}

/// Makes a standalone stack, which the test has to destroy.
func newStack() -> OpaquePointer? {
  var stack: OpaquePointer?
  _ = cexit_stack_create(nil, &stack)
  return stack
}

/// Makes a stack nested in `parent`.
func newStack(in parent: OpaquePointer?, name: StaticString = "nested") -> OpaquePointer? {
  var stack: OpaquePointer?
  let text = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
  _ = cexit_stack_nest(parent, text, &stack)
  return stack
}
