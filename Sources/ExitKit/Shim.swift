// SPDX-License-Identifier: Apache-2.0
//
// The door to C. What Swift calls is here, and for finalizers in Shim+Finalizers.swift; what C calls is in
// Shim+Callbacks.swift, and what libc tells of files and signals is in Shim+Files.swift: no other file of ExitKit imports
// the C module, and no other file has unsafe calls.

internal import CExitShim
internal import CExitShim.Binding
internal import CExitShim.Finalizer

#if !os(Linux)
  #error("ExitKit supports Linux with glibc or musl, and no other system yet: depend on it .when(platforms: [.linux])")
#endif

// MARK: - Values that cross

/// C's loop, on which a thread sleeps.
///
/// `@unchecked`: every thread may wake C's loop; the ``ExitLoop`` that holds the loop destroys the loop.
struct LoopSleep: @unchecked Sendable {
  private let pointer = cexit_loop_create()
  func destroy() { cexit_loop_destroy(pointer) }
  func wake() { cexit_loop_wake(pointer) }
  func wait(_ limit: Duration?) {
    let parts = limit?.components
    cexit_loop_wait(pointer, parts.map { max(0, $0.seconds * 1_000_000_000 + $0.attoseconds / 1_000_000_000) } ?? -1)
  }
}

/// A lock of libc's, which has to stay where it is.
///
/// `@unchecked`: every thread may take the lock.
struct SystemLock: ~Copyable, @unchecked Sendable {
  // Not from `allocate`, which in a debug build asks for the metadata of a type of C: the runtime (6.3) keeps the metadata
  // of the object that asks first, also when that object is a plugin which was unloaded since.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>(OpaquePointer(malloc(MemoryLayout<pthread_mutex_t>.size)!))
  init() { pthread_mutex_init(mutex, nil) }
  deinit { free(mutex) }
  func take() { pthread_mutex_lock(mutex) }
  func drop() { pthread_mutex_unlock(mutex) }
}

// MARK: - Functions for the rest of the library

enum Shim {
  typealias Registered = (raw: UInt64, error: ExitError?)

  /// A copy for C; ``free(_:)`` ends the copy.
  @inline(never)
  static func copy(_ text: String) -> UnsafeMutablePointer<CChar>? { strdup(text) }
  static func free(_ text: UnsafeMutablePointer<CChar>) { CExitShim.free(text) }
  /// Memory of libc's; Swift's own `allocate` asks for an alignment, which takes twice as long.
  static func allocate(_ bytes: Int) -> UnsafeMutableRawPointer? { malloc(bytes) }
  static func free(_ memory: UnsafeMutableRawPointer) { CExitShim.free(memory) }

  /// Calls and releases a closure without a parameter, which is here; returns the closure's error.
  @inline(__always)
  static func call(_ context: UnsafeMutableRawPointer?, _ code: UnsafeMutableRawPointer?) -> (any Error)? {
    struct Thrown { let error: any Error }
    guard var error = cexit_call_swift(context, code) else { return nil }
    return withUnsafeMutableBytes(of: &error) { $0.baseAddress!.assumingMemoryBound(to: Thrown.self).move().error }
  }

  // Stacks

  static func makeStack(name: String?) -> StackReference { reference { cexit_stack_create(StackName.copy(name), $0) } }

  static func nestStack(in parent: StackReference, name: String?, owner: UnsafeRawPointer) -> StackReference {
    if case .none = parent { return parent }
    return reference { cexit_stack_nest_owned(parent.pointer, StackName.copy(name), owner, $0) }
  }

  private static func reference(_ make: (UnsafeMutablePointer<OpaquePointer?>) -> CInt) -> StackReference {
    var stack: OpaquePointer?
    let status = make(&stack)
    return status == 0 ? .made(stack!) : .none(error(status))
  }

  static func release(_ stack: StackReference) { if let pointer = stack.pointer { cexit_stack_release(pointer) } }

  static var noMemory: Registered { (0, error(ENOMEM)) }

  /// The name as C reads a name, where a text stays that reads like this one; `nil`: the name needs a copy.
  @inline(__always)
  static func lasting(_ name: String) -> UnsafePointer<CChar>? {
    name.utf8.withContiguousStorageIfAvailable { cexit_lasting_text($0.baseAddress, $0.count) } ?? nil
  }

  /// Registers a closure of which no more needs to be known than its place and a name that stays.
  @inline(__always)
  static func register(
    _ closure: HeldClosure, on stack: StackReference, _ how: Registration, name: UnsafePointer<CChar>? = nil
  ) -> Registered {
    register(closure, function(of: closure.kind), on: stack, how, name)
  }

  /// Registers a closure without a parameter and with a limit; `nil`: the limit needs a block.
  @inline(__always)
  static func register(
    _ closure: HeldClosure, limit: UInt32, on stack: StackReference, _ how: Registration,
    name: UnsafePointer<CChar>? = nil
  ) -> Registered? {
    guard let function = function(ofLimit: cexit_lasting_limit(limit)) else { return nil }
    _ = cexit_prepare_limits()  // at exit making a thread may fail
    return register(closure, function, on: stack, how, name)
  }

  @inline(__always)
  private static func register(
    _ closure: HeldClosure, _ function: @escaping cexit_closure, on stack: StackReference, _ how: Registration,
    _ name: UnsafePointer<CChar>?
  ) -> Registered {
    var entry = entry(of: closure, function, how)
    entry.name = name
    return register(&entry, on: stack, how) { closure.release() }
  }

  @inline(__always)
  static func entry(
    of closure: HeldClosure, _ function: @escaping cexit_closure, _ how: Registration
  ) -> cexit_entry {
    let text = HandlerText(name: nil, file: how.file, line: how.line)
    var entry = cexit_closure_entry(function, closure.context, closure.code)
    if how.inherited { entry.flags |= CEXIT_INHERITED }
    (entry.phase, entry.file, entry.line) = (cPhase(how.phase), text.file, text.line)
    return entry
  }

  /// Registers a closure with its name and its limit.
  @inline(__always)
  static func register(
    _ block: UnsafeMutableRawPointer, isNamed: Bool, isLimited: Bool, on stack: StackReference, _ how: Registration
  ) -> Registered {
    let name = isNamed ? HandlerBlock.name(of: block) : nil
    var entry = entry({ HandlerBlock.run($0!) }, block, { HandlerBlock.release($0!) }, name, how)
    if isLimited { _ = cexit_prepare_limits() }  // at exit making a thread may fail
    return register(&entry, on: stack, how) { HandlerBlock.release(block) }
  }

  /// Gives the entry to C; if C refuses the entry, `release` ends what the entry holds.
  @inline(__always)
  private static func register(
    _ entry: inout cexit_entry, on stack: StackReference, _ how: Registration, _ release: () -> Void
  ) -> Registered {
    var handle = cexit_handler()
    if case .none(let error) = stack { return (release(), (0, error)).1 }
    let status = cexit_register_owned(stack.pointer, &entry, how.owner, &handle)
    return status == 0 ? (handle.raw, nil) : (release(), (0, error(status))).1
  }

  @inline(__always)
  static func entry(
    _ function: @escaping cexit_function, _ context: UnsafeMutableRawPointer,
    _ release: @escaping @convention(c) (UnsafeMutableRawPointer?) -> Void, _ name: UnsafePointer<CChar>?,
    _ how: Registration
  ) -> cexit_entry {
    let text = HandlerText(name: nil, file: how.file, line: how.line)
    return cexit_entry(
      function: function, context: context, release: release, phase: cPhase(how.phase),
      flags: how.inherited ? UInt32(CEXIT_INHERITED) : 0, name: name, file: text.file, line: text.line)
  }

  private static func cPhase(_ phase: ExitPhase) -> CExitPhase {
    phase == .normal ? .normal : phase == .early ? .early : .late
  }

  /// Cancels the entries that the closure wants.
  static func cancel(on stack: StackReference, _ isWanted: (ExitEntry) -> Bool) -> Int {
    guard stack.isMade else { return 0 }
    return withoutActuallyEscaping(isWanted) { isWanted in
      var isWanted = isWanted
      return withUnsafeMutablePointer(to: &isWanted) { cexit_stack_cancel_if(stack.pointer, wants, $0) }
    }
  }

  static func entries(of stack: StackReference) -> [ExitEntry] {
    var entries: [ExitEntry] = []
    guard stack.isMade else { return entries }
    _ = withUnsafeMutablePointer(to: &entries) { cexit_walk(stack.pointer, show, $0) }
    return entries
  }

  static func count(_ stack: StackReference) -> Int { stack.isMade ? cexit_stack_count(stack.pointer) : 0 }
  static func clear(_ stack: StackReference) -> Int { stack.isMade ? cexit_stack_clear(stack.pointer) : 0 }
  static func cancel(named name: String, on stack: StackReference) -> Int {
    stack.isMade ? cexit_stack_cancel_named(stack.pointer, name) : 0
  }
  static func move(from: StackReference, to: StackReference) -> Int {
    from.isMade && to.isMade ? cexit_stack_move(from.pointer, to.pointer) : 0
  }

  /// Runs the stack; what C handlers report goes to the channel.
  static func run(_ stack: StackReference, _ channel: FailureChannel, unlessBusy: Bool = false) -> [HandlerStep]? {
    guard stack.isMade else { return [] }
    var run = ObservedRun(channel: channel)
    let ran = withUnsafeMutablePointer(to: &run) {
      unlessBusy
        ? cexit_stack_try_run_observed(stack.pointer, observe, $0) == 0
        : cexit_stack_run_observed(stack.pointer, observe, $0) >= 0
    }
    return ran ? run.steps : nil
  }

  static func close(_ stack: StackReference) { if stack.isMade { _ = cexit_stack_close(stack.pointer) } }

  /// Has failures of C handlers and of other copies told to this copy's channel of the process, or no longer.
  static func hearFailures(_ hears: Bool) {
    cexit_on_failure(hears ? { record in failure(of: record.pointee).map(FailureChannel.process.reportForeign) } : nil)
  }

  /// Tells the reporter of C or of another copy; `false`: there is none.
  static func reportFailure(_ failure: ExitFailure) -> Bool {
    let kind = UInt32(ExitFailure.Kind.Value.allCases.firstIndex(of: failure.kind.value) ?? 0) << 16
    let name = failure.name.flatMap(copy), file = failure.location.flatMap { copy($0.fileID) }
    defer { for text in [name, file] { CExitShim.free(text) } }
    return "\(failure.error)".withCString {
      var record = cexit_record(
        name: name, file: file, line: UInt32(clamping: failure.location?.line ?? 0),
        flags: kind | (failure.isFinalizer ? CEXIT_IS_FINALIZER : 0), nanoseconds: 0, outcome: nil, failure: $0)
      return cexit_report_failure(&record)
    }
  }

  /// Runs C handlers and hands out Swift handlers, of the one entry that is next; `nil` when there is none.
  static func step(_ stack: StackReference, _ channel: FailureChannel) -> [HandlerStep]? {
    guard stack.isMade else { return nil }
    var run = ObservedRun(channel: channel)
    return withUnsafeMutablePointer(to: &run) { cexit_stack_step(stack.pointer, observe, $0) } ? run.steps : nil
  }

  // Handlers

  static func isPending(_ raw: UInt64) -> Bool { cexit_is_pending(cexit_handler(raw: raw)) }
  static func cancel(_ raw: UInt64) -> Bool { cexit_cancel(cexit_handler(raw: raw)) }
  static func run(_ raw: UInt64) -> Bool { cexit_run(cexit_handler(raw: raw)) }

  /// Whether the handler that this thread is running may be handed out, to be run by a task.
  static var mayHandOut: Bool { cexit_is_step() && !cexit_is_exiting() }

  /// Leaves an outcome to the run that observes this handler; `false` if none of this copy of the library does.
  @discardableResult
  static func leave(_ outcome: HandlerOutcome) -> Bool {
    let retained = Unmanaged.passRetained(outcome)
    let isTaken = cexit_set_outcome(observe, retained.toOpaque())
    if !isTaken { retained.release() }
    return isTaken
  }

  // Threads and executors

  /// Whether the calling thread is the main actor's thread, perhaps in the middle of a job.
  static var isOnMain: Bool { cexit_main_is_here() }
  /// Whether the actor is the main actor, and the calling thread the main thread; `false` also before the thread's
  /// first call of ``isCurrent(_:)``.
  @inline(__always)
  static func isKnownMain(_ actor: UInt) -> Bool { UInt(bitPattern: cexit_this_thread().pointee.main_actor) == actor }
  /// Whether the calling thread is the main actor's thread, and may drain the main queue.
  static var isMainIdle: Bool { cexit_main_is_idle() }
  static func drainMain() { cexit_main_drain() }
  /// Whether this thread may run the main thread's work now: the main thread stands at the gate until `giveMainBack`.
  static func borrowMain() -> Bool { cexit_main_borrow() }
  /// Stops a main thread that sleeps in the kernel, and borrows it for the thread that runs the exit.
  static func holdMain() -> Bool { cexit_main_hold() }
  static func giveMainBack() { cexit_main_give_back() }
  static var mainExits: Bool { cexit_main_exits() }
  static func postToMain(_ work: @convention(c) (UnsafeMutableRawPointer?) -> Void) { _ = cexit_main_post(work) }

  /// Whether the calling thread is the actor's.
  ///
  /// This function is not part of a class, since the runtime allocates memory at the first use of a class.
  static func isCurrent(_ actor: any Actor) -> Bool {
    if actor === MainActor.shared && isOnMain {
      let thread = cexit_this_thread()
      if thread.pointee.is_main { thread.pointee.main_actor = UnsafeRawPointer(pointer(actor)) }
      return true
    }
    let words = actor.unownedExecutor.words
    return cexit_executor_is_current(words.0, words.1)
  }

  static func standInForMain(_ executor: UnownedSerialExecutor?) {
    let words = executor?.words ?? (0, 0)
    cexit_main_stand_in(words.0, words.1)
  }

  static var loop: ExitLoop? {
    get { cexit_this_thread().pointee.loop.map { Unmanaged.fromOpaque($0).takeUnretainedValue() } }
    set { cexit_this_thread().pointee.loop = newValue.map(pointer) }
  }

  /// A copy of the text of the handler that this thread is running; the caller has to release the copy.
  static var currentText: HandlerText {
    var record = cexit_record()
    if cexit_current(&record), let name = record.name { record.name = UnsafePointer(strdup(name)) }
    return text(of: record)
  }

  static func pointer(_ any: AnyObject) -> UnsafeMutableRawPointer { Unmanaged.passUnretained(any).toOpaque() }

  // The process

  static func observeExits() -> Bool { cexit_observe_exit(exitCalled) }
  static func stopObservingExits() { cexit_unobserve_exit(exitCalled) }
  static var isUnloading: Bool { cexit_is_unloading() }
  /// Waits until jobs that a handler has waited for are over on their threads, too.
  static func letPoolRest() { cexit_let_pool_rest() }

  /// The exit status after a failure, in place of 0; 0: a failure does not change the status.
  static var failureStatus: Int32 { cexit_failure_status() }
  static func setFailureStatus(_ status: Int32) { cexit_set_failure_status(status) }
  static var mainGrace: Duration { .nanoseconds(Int64(clamping: cexit_main_grace())) }
  static func setMainGrace(_ time: Duration) { cexit_set_main_grace(time.nanosecondsForC) }
  static var signalPatience: Duration { .nanoseconds(Int64(clamping: cexit_signal_patience())) }
  static func setSignalPatience(_ nanoseconds: UInt64) { _ = cexit_set_signal_patience(nanoseconds) }
  static var isExiting: Bool { cexit_is_exiting() }
  /// Leaves the process; the trace names the function that `caller` is in as the function that did.
  static func exit(_ status: Int32, from caller: Caller?) -> Never {
    cexit_exit_called_at(caller)
    cexit_exit(status)
  }

  typealias Caller = UnsafeRawPointer
  /// Where the function returns to that asks, which is not asynchronous.
  @inline(__always) static var caller: Caller? { cexit_return_address(_isDebugAssertConfiguration()) }

  static func requestExit(_ status: Int32) throws(ExitError) { try check(cexit_request_exit(status)) }
  static func requestStatus(_ status: Int32) { cexit_request_status(status) }

  static var exitStatus: Int32? {
    var status: CInt = 0
    return cexit_exit_status(&status) ? status : nil
  }

  static func exitSignal(sender: inout Int32) -> Int32 { cexit_exit_signal(&sender) }
  static func exitOnSignals(_ numbers: [Int32]) throws(ExitError) {
    try check(numbers.isEmpty ? 0 : cexit_exit_on_signals(numbers, numbers.count))  // NULL: the usual signals
  }

  static let quickStack = StackReference.made(cexit_quick_stack())
  static let invalidArgument = EINVAL
  static func limit(milliseconds: UInt32) { _ = cexit_limit(UInt64(milliseconds) * 1_000_000) }
  /// In nanoseconds; 0: none.
  static var deadline: UInt64 { cexit_deadline() }
  static func setDeadline(_ nanoseconds: UInt64) throws(ExitError) { try check(cexit_set_deadline(nanoseconds)) }
  static var timeoutStatus: Int32 { cexit_timeout_status() }
  static func setTimeoutStatus(_ status: Int32) throws(ExitError) { try check(cexit_set_timeout_status(status)) }
  static func mark() throws(ExitError) { try check(cexit_mark()) }
  static func reserve(_ count: Int) throws(ExitError) { try check(cexit_reserve(count)) }
  static func adopt() throws(ExitError) { try check(cexit_adopt()) }

  private static func check(_ status: CInt) throws(ExitError) { if status != 0 { throw error(status) } }

  @inline(never)
  static func error(_ status: CInt) -> ExitError {
    switch status {
    case EINVAL: ExitError(.invalidArgument, errno: status)
    case ENOMEM: ExitError(.outOfMemory, errno: status)
    case ECANCELED: ExitError(.tooLate, errno: status)
    case EDEADLK: ExitError(.interrupted, errno: status)
    case ELOOP: ExitError(.nestedTooDeep, errno: status)
    default: ExitError(.other, errno: status)
    }
  }

  static func traceFailure(_ error: any Error) { "\(error)".withCString(cexit_trace_failure) }
  /// Tells the trace that this thread waits from now on; `nil`: the wait is over.
  static func traceWait(_ what: String?) { cexit_trace_wait(what) }
  static func writeLine(_ line: String) { "\(line)\n".withCString { cexit_write_line($0, strlen($0)) } }
}
