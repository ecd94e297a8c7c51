// SPDX-License-Identifier: Apache-2.0

/// The names of stacks, which C may use after their ``ExitStack`` is gone: a copy of each name stays for ever.
enum StackName {
  /// Addresses, since a pointer is not Sendable; the copies are never changed nor freed.
  private static let all = Locked<[String: UInt]>([:])

  static func copy(_ name: String?) -> UnsafeMutablePointer<CChar>? {
    guard let name else { return nil }
    let address = all.withLock { all in
      let address = all[name] ?? UInt(bitPattern: Shim.copy(name))
      all[name] = address
      return address
    }
    return UnsafeMutablePointer(bitPattern: address)
  }
}
