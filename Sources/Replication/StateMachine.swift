/// A deterministic application that a protocol replicates: the same commands in the same order give the
/// same responses and the same state everywhere.
public protocol StateMachine: Sendable {
  associatedtype Command: WireCodable & Equatable & Sendable
  associatedtype Response: WireCodable & Equatable & Sendable

  init()

  /// Whether the command leaves the state alone, so that it can be answered without a log entry.
  static func isReadOnly(_ command: Command) -> Bool

  mutating func apply(_ command: Command) -> Response

  /// Answers a read-only command. For any other command the answer is unspecified.
  func query(_ command: Command) -> Response

  /// The whole state as bytes. Equal states give equal bytes.
  func snapshot() -> [UInt8]
  init(restoring snapshot: [UInt8]) throws(WireError)
}
