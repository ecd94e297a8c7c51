// SPDX-License-Identifier: Apache-2.0

/// The place in the source where a handler was registered.
public struct ExitLocation: Sendable, Hashable, Codable {
  /// The module and the file, as `#fileID` gives them: `App/main.swift`.
  public let fileID: String

  /// The line, from 1; 0 where it is not known.
  public let line: UInt

  /// Makes a location.
  ///
  /// - Parameters:
  ///   - fileID: The module and the file, as `#fileID` gives them.
  ///   - line: The line, from 1; 0 where it is not known.
  public init(fileID: String, line: UInt) {
    self.fileID = fileID
    self.line = line
  }
}

extension ExitLocation: CustomStringConvertible {
  /// The file and the line: `App/main.swift:12`.
  public var description: String { "\(fileID):\(line)" }
}
