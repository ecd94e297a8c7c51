// SPDX-License-Identifier: Apache-2.0
//
// The door to C for finalizers.

internal import CExitShim
internal import CExitShim.Binding
internal import CExitShim.Finalizer

extension Shim {
  typealias Made = (raw: UInt64, error: ExitError?, isPrompt: Bool)

  static func isWatched(_ object: AnyObject) -> Bool { cexit_class_is_watched(pointer(object)) }
  static func watch(_ object: AnyObject, hops: Bool) -> Bool { cexit_class_watch(pointer(object), hops) }
  static func died(_ object: AnyObject) { cexit_object_died(pointer(object)) }

  /// Registers a finalizer that is a closure alone, which goes into the entry.
  @inline(__always)
  static func add(
    _ closure: HeldClosure, of object: AnyObject, prompt: Bool, on stack: StackReference, _ how: Registration
  ) -> Made {
    var entry = entry(of: closure, callFinalizer, how)
    return add(&entry, of: object, place: 0, prompt: prompt, on: stack, how) { closure.release() }
  }

  /// Registers a finalizer with a name, an actor, a result or a channel.
  static func add(
    _ contents: FinalizerContents, of object: AnyObject, prompt: Bool, on stack: StackReference, _ how: Registration
  ) -> Made {
    let context = Unmanaged.passRetained(contents)
    var entry = entry(
      { FinalizerContents.held($0!).takeUnretainedValue().run() }, context.toOpaque(),
      { FinalizerContents.held($0!).release() }, contents.text?.cName, how)
    let place = contents.actor.map { $0 === MainActor.shared ? CEXIT_ON_MAIN : CEXIT_ON_ACTOR } ?? 0
    return add(&entry, of: object, place: place, prompt: prompt, on: stack, how) { context.release() }
  }

  @inline(__always)
  private static func add(
    _ entry: inout cexit_entry, of object: AnyObject, place: UInt32, prompt: Bool, on stack: StackReference,
    _ how: Registration, _ release: () -> Void
  ) -> Made {
    if case .none(let error) = stack { return (release(), (0, error, prompt)).1 }
    var state = cexit_finalizing(place: place, prompt: prompt, handler: cexit_handler())
    let status = cexit_finalizer_add(stack.pointer, pointer(object), &state, &entry, how.owner)
    return status == 0
      ? (state.handler.raw, nil, state.prompt) : (release(), (0, error(status), state.prompt)).1
  }

  static func object<Object: AnyObject>(of raw: UInt64, as: Object.Type) -> Object? {
    cexit_finalizer_object(cexit_handler(raw: raw)).map { Unmanaged<Object>.fromOpaque($0).takeRetainedValue() }
  }

  static func isAwake(_ raw: UInt64) -> Bool { cexit_is_awake(cexit_handler(raw: raw)) }
  static func setAsleep(_ raw: UInt64, _ asleep: Bool) { _ = cexit_set_asleep(cexit_handler(raw: raw), asleep) }

  /// Calls a function with the finalizer's closure, and its other contents, in place of the finalizer's own function.
  static func run(_ raw: UInt64, instead function: (IsolatedBody<Void>, FinalizerContents?) -> Void) {
    // In front are the words of C's cexit_contents; in a debug build Swift asks for metadata of each part.
    typealias Call = (
      context: UnsafeMutableRawPointer?, code: UnsafeMutableRawPointer?,
      function: (IsolatedBody<Void>, FinalizerContents?) -> Void
    )
    withoutActuallyEscaping(function) { function in
      var call: Call = (nil, nil, function)
      _ = withUnsafeMutablePointer(to: &call) {
        cexit_run_instead(
          cexit_handler(raw: raw),
          {
            let (context, code, function) = $0!.assumingMemoryBound(to: Call.self).pointee
            if code != nil { return function(HeldClosure(context: context, code: code, .plain).takeFinalizer(), nil) }
            let contents = FinalizerContents.held(context!).takeUnretainedValue()
            function(contents.body, contents)
          }, $0)
      }
    }
  }

  static func isOver(_ departure: Departure) -> Bool { cexit_departure_is_over(departure.pointer) }
  static func end(_ departure: Departure) { cexit_departure_end(departure.pointer) }

  static func serveFinalizers() {
    cexit_finalizers_set_delegate(
      cexit_finalizer_delegate(
        run: { FinalizerService.run($0, onMain: $1) }, wait: { FinalizerService.wait(for: Departure(pointer: $0)) }))
  }
}
