// SPDX-License-Identifier: Apache-2.0

/// A closure with what the entry in C has no room for: a limit, a channel, a name.
///
/// The block and the name, which stands behind the block, are one piece of memory: a closure with a name takes one
/// allocation. The entry's `release` frees the memory.
struct HandlerBlock {
  /// `nil` once the closure has been taken.
  private var closure: HeldClosure?
  /// How long the handler may run while the process exits; 0: as long as the handler likes.
  private let milliseconds: UInt32
  /// `nil`: the process's.
  private let channel: FailureChannel?

  /// `nil`: no memory, and the closure still belongs to the caller.
  @inline(__always)
  static func make(
    _ closure: HeldClosure, _ channel: FailureChannel?, limit: UInt32, name: String?
  ) -> UnsafeMutableRawPointer? {
    guard var name else { return make(closure, channel, limit, UnsafeBufferPointer(start: nil, count: 0)) }
    return name.withUTF8 { make(closure, channel, limit, $0) }
  }

  @inline(__always)
  private static func make(
    _ closure: HeldClosure, _ channel: FailureChannel?, _ limit: UInt32, _ name: UnsafeBufferPointer<UInt8>
  ) -> UnsafeMutableRawPointer? {
    let size = MemoryLayout<Self>.size
    guard let block = Shim.allocate(size + name.count + 1) else { return nil }
    block.initializeMemory(as: Self.self, to: Self(closure: closure, milliseconds: limit, channel: channel))
    if let text = name.baseAddress { (block + size).copyMemory(from: text, byteCount: name.count) }
    (block + size).storeBytes(of: 0, toByteOffset: name.count, as: UInt8.self)
    return block
  }

  /// The name as C reads the name, for as long as the block is there.
  static func name(of block: UnsafeMutableRawPointer) -> UnsafePointer<CChar> {
    UnsafePointer((block + MemoryLayout<Self>.size).assumingMemoryBound(to: CChar.self))
  }

  /// Called by the stack that has claimed the handler.
  static func run(_ block: UnsafeMutableRawPointer) {
    let block = block.assumingMemoryBound(to: Self.self)
    let closure = block.pointee.closure.take()!, channel = block.pointee.channel
    if Shim.mayHandOut { return Handler.runElsewhere(closure, channel) }
    if block.pointee.milliseconds != 0 { Shim.limit(milliseconds: block.pointee.milliseconds) }
    Handler.run(closure, channel)
  }

  /// Frees the block, and the closure unless the closure has been taken.
  static func release(_ block: UnsafeMutableRawPointer) {
    let contents = block.assumingMemoryBound(to: Self.self).move()
    contents.closure?.release()
    Shim.free(block)
  }
}
