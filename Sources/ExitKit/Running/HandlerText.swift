// SPDX-License-Identifier: Apache-2.0

/// Name and place of a handler, as C reads them for reports.
///
/// The file is a literal, the name a copy. The owner of the text calls `release` once.
struct HandlerText: Sendable {
  // Addresses, since a pointer is not Sendable. Nobody changes the text at these addresses.
  private let nameAddress: UInt
  private let fileAddress: UInt
  private let lineAndKind: UInt32  // the top bit: a finalizer's. C keeps 18 bits of a line

  var line: UInt32 { lineAndKind & ~Self.finalizer }
  var isFinalizer: Bool { lineAndKind & Self.finalizer != 0 }
  private static let finalizer: UInt32 = 1 << 31

  var cName: UnsafeMutablePointer<CChar>? { UnsafeMutablePointer(bitPattern: nameAddress) }
  var file: UnsafePointer<CChar>? { UnsafePointer(bitPattern: fileAddress) }

  @inline(__always)
  init(name: String?, file: StaticString, line: UInt) {
    nameAddress = name == nil ? 0 : UInt(bitPattern: Shim.copy(name!))
    #if DEBUG
      if name != nil { GivenNames.note() }
    #endif
    fileAddress = file.hasPointerRepresentation ? UInt(bitPattern: file.utf8Start) : 0
    lineAndKind = UInt32(truncatingIfNeeded: min(line, UInt(~Self.finalizer)))
  }

  init(cName: UnsafeMutablePointer<CChar>?, file: UnsafePointer<CChar>?, line: UInt32, isFinalizer: Bool) {
    nameAddress = UInt(bitPattern: cName)
    fileAddress = UInt(bitPattern: file)
    lineAndKind = min(line, ~Self.finalizer) | (isFinalizer ? Self.finalizer : 0)
  }

  func release() { if let cName { Shim.free(cName) } }

  var name: String? { cName.map { String(cString: $0) } }
  var location: ExitLocation? { Self.location(file, line) }

  static func location(_ file: UnsafePointer<CChar>?, _ line: UInt32) -> ExitLocation? {
    file.map { ExitLocation(fileID: String(cString: $0), line: UInt(line)) }
  }
}

extension Duration {
  /// At least zero, and at most the largest number of C.
  var nanosecondsForC: UInt64 {
    let (seconds, attoseconds) = components
    if self <= .zero { return 0 }
    return seconds < 9_000_000_000 ? UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds) / 1_000_000_000 : .max
  }
}
