// SPDX-License-Identifier: Apache-2.0
//
// The other half of the door to C: the functions that C calls, on the thread that runs a handler, walks or exits.

internal import CExitShim
internal import CExitShim.Binding
internal import CExitShim.Finalizer

private func callClosure(_ context: UnsafeMutableRawPointer?, _ code: UnsafeMutableRawPointer?, _ call: CExitCall) {
  let closure = HeldClosure(context: context, code: code, .plain)
  switch call.rawValue {  // by number: to switch over an enum of C's takes memory in a debug build
  case CExitCall.run.rawValue: Handler.run(closure)
  case CExitCall.step.rawValue: Handler.runElsewhere(closure, nil)
  default: closure.release()
  }
}

private func callWithContext(
  _ context: UnsafeMutableRawPointer?, _ code: UnsafeMutableRawPointer?, _ call: CExitCall
) {
  let closure = HeldClosure(context: context, code: code, .withContext)
  switch call.rawValue {
  case CExitCall.run.rawValue: Handler.runWithContext(closure)
  case CExitCall.step.rawValue: Handler.runElsewhere(closure, nil)
  default: closure.release()
  }
}

private func callClosure(
  _ kind: ClosureKind, _ context: UnsafeMutableRawPointer?, _ code: UnsafeMutableRawPointer?, _ call: CExitCall
) {
  let closure = HeldClosure(context: context, code: code, kind)
  switch call.rawValue {
  case CExitCall.run.rawValue: Handler.run(closure, nil)
  case CExitCall.step.rawValue: Handler.runElsewhere(closure, nil)
  default: closure.release()
  }
}

/// The same, of a closure without a parameter and with one of the limits that stay.
@inline(never)
private func callLimited(
  _ number: UInt32, _ context: UnsafeMutableRawPointer?, _ code: UnsafeMutableRawPointer?, _ call: CExitCall
) {
  let closure = HeldClosure(context: context, code: code, .plain)
  if call.rawValue == CExitCall.release.rawValue { return closure.release() }
  if Shim.mayHandOut { return Handler.runElsewhere(closure, nil) }
  Shim.limit(milliseconds: cexit_lasting_limits()[Int(number)])
  Handler.run(closure)
}

/// A function for each limit that stays, since the entry has no room for a limit; `nil`: no such limit.
func function(ofLimit number: UInt32) -> cexit_closure? {
  switch number {
  case 0: { callLimited(0, $0, $1, $2) }
  case 1: { callLimited(1, $0, $1, $2) }
  case 2: { callLimited(2, $0, $1, $2) }
  case 3: { callLimited(3, $0, $1, $2) }
  case 4: { callLimited(4, $0, $1, $2) }
  case 5: { callLimited(5, $0, $1, $2) }
  case 6: { callLimited(6, $0, $1, $2) }
  case 7: { callLimited(7, $0, $1, $2) }
  default: nil
  }
}

/// A function for each kind, since the entry has room for no more than the closure's two words.
@inline(__always)
func function(of kind: ClosureKind) -> cexit_closure {
  switch kind {
  case .plain: callClosure
  case .withContext: callWithContext
  case .call: { callClosure(.call, $0, $1, $2) }
  case .async: { callClosure(.async, $0, $1, $2) }
  case .asyncWithContext: { callClosure(.asyncWithContext, $0, $1, $2) }
  }
}

/// For a finalizer that stands in the entry.
///
/// Not inlined into the function that C calls, where the compiler (6.3) inlines no function of C's.
@inline(never)
func callFinalizer(_ context: UnsafeMutableRawPointer?, _ code: UnsafeMutableRawPointer?, _ call: CExitCall) {
  let closure = HeldClosure(context: context, code: code, .plain)
  if call.rawValue == CExitCall.release.rawValue { return closure.release() }
  do { try closure.callUnisolated() } catch { FinalizerContents.failed(error, .process) }
}

func observe(_ context: UnsafeMutableRawPointer?, _ record: UnsafePointer<cexit_record>) {
  let run = context!.assumingMemoryBound(to: ObservedRun.self)
  let record = record.pointee, text = text(of: record)
  if let failure = failure(of: record) {
    run.pointee.channel.report(failure)
    return run.pointee.failures.append(failure)
  }
  let outcome = record.outcome.map { Unmanaged<HandlerOutcome>.fromOpaque($0).takeRetainedValue() }
  run.pointee.steps.append(
    HandlerStep(
      text, .nanoseconds(Int64(record.nanoseconds)), run.pointee.failures + (outcome?.failures ?? []), outcome?.deferred
    ))
  run.pointee.failures = []
}

/// The failure that a handler of C or of another copy has reported; `nil`: the handler has run.
func failure(of record: cexit_record) -> ExitFailure? {
  guard let message = record.failure else { return nil }
  let kinds = ExitFailure.Kind.Value.allCases, kind = Int(record.flags >> 16), text = text(of: record)
  return ExitFailure(
    kind: .init(value: kind < kinds.count ? kinds[kind] : .thrown),  // 0, as C reports: thrown
    error: ExitError(.reported, String(cString: message)),
    name: text.name, location: text.location, isFinalizer: text.isFinalizer)
}

/// The text of a record, which lives as long as the record.
func text(of record: cexit_record) -> HandlerText {
  let isFinalizer = record.flags & CEXIT_IS_FINALIZER != 0
  return HandlerText(
    cName: .init(mutating: record.name), file: record.file, line: record.line, isFinalizer: isFinalizer)
}

func show(_ context: UnsafeMutableRawPointer?, _ pending: UnsafePointer<cexit_pending>) -> Bool {
  context!.assumingMemoryBound(to: [ExitEntry].self).pointee.append(entry(pending.pointee))
  return true
}

func wants(_ context: UnsafeMutableRawPointer?, _ pending: UnsafePointer<cexit_pending>) -> Bool {
  context!.assumingMemoryBound(to: ((ExitEntry) -> Bool).self).pointee(entry(pending.pointee))
}

private func entry(_ pending: cexit_pending) -> ExitEntry {
  func has(_ flag: UInt32) -> Bool { pending.flags & flag != 0 }
  let isEarly = pending.phase == .early, isLate = pending.phase == .late
  return ExitEntry(
    name: pending.name.map { String(cString: $0) }, location: HandlerText.location(pending.file, pending.line),
    phase: isEarly ? .early : isLate ? .late : .normal, depth: Int(pending.depth), isNestedStack: has(CEXIT_IS_NESTED),
    isLeftOut: has(CEXIT_IS_ASLEEP), runsInForkedChildren: has(UInt32(CEXIT_INHERITED)),
    isParents: has(CEXIT_IS_PARENTS)
  )
}

func exitCalled(_ status: UnsafePointer<CInt>?) { ExitLoop.exitCalled(status: status?.pointee) }
