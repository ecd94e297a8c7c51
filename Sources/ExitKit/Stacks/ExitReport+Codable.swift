// SPDX-License-Identifier: Apache-2.0

// Errors of any type do not survive encoding: what is kept of an error is its text.

/// The text of an error, as an ``ExitReport`` that was decoded has it.
public struct ReportedError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What the error said of itself.
  public let description: String
}

extension ExitRecord: Codable {
  private enum Key: String, CodingKey { case name, location, nanoseconds, error, finalizer }

  /// Encodes name, place, duration in nanoseconds, the text of the error if the handler failed, and whether the handler is
  /// a finalizer.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encodeIfPresent(name, forKey: .name)
    try container.encodeIfPresent(location, forKey: .location)
    try container.encode(duration.inNanoseconds, forKey: .nanoseconds)
    if case .failed(let error) = outcome { try container.encode("\(error)", forKey: .error) }
    if isFinalizer { try container.encode(true, forKey: .finalizer) }
  }

  /// Decodes a record; the error of a failed handler is a ``ReportedError``.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let error = try container.decodeIfPresent(String.self, forKey: .error)
    self.init(
      name: try container.decodeIfPresent(String.self, forKey: .name),
      location: try container.decodeIfPresent(ExitLocation.self, forKey: .location),
      duration: .nanoseconds(try container.decode(Int64.self, forKey: .nanoseconds)),
      outcome: error.map { .failed(ReportedError(description: $0)) } ?? .succeeded,
      isFinalizer: try container.decodeIfPresent(Bool.self, forKey: .finalizer) ?? false)
  }
}

extension ExitFailure: Codable {
  private enum Key: String, CodingKey { case kind, error, name, location, finalizer }

  /// Encodes the kind, the text of the error, name and place, and whether the handler is a finalizer.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(kind.value.rawValue, forKey: .kind)
    try container.encode("\(error)", forKey: .error)
    try container.encodeIfPresent(name, forKey: .name)
    try container.encodeIfPresent(location, forKey: .location)
    if isFinalizer { try container.encode(true, forKey: .finalizer) }
  }

  /// Decodes a failure; its error is a ``ReportedError``.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let text = try container.decode(String.self, forKey: .kind)
    guard let value = Kind.Value(rawValue: text) else {
      throw DecodingError.dataCorruptedError(
        forKey: .kind, in: container, debugDescription: "\"\(text)\" is no kind of failure")
    }
    self.init(
      kind: Kind(value: value),
      error: ReportedError(description: try container.decode(String.self, forKey: .error)),
      name: try container.decodeIfPresent(String.self, forKey: .name),
      location: try container.decodeIfPresent(ExitLocation.self, forKey: .location),
      isFinalizer: try container.decodeIfPresent(Bool.self, forKey: .finalizer) ?? false)
  }
}

extension Duration {
  fileprivate var inNanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
