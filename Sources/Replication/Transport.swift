/// Carries messages between nodes. Cores never see it; hosts do.
///
/// A transport may lose, delay, duplicate and reorder; it never invents and never delivers a damaged
/// message, because frames carry a checksum (`Frame`). The simulated and the in-process transport hand
/// the value over and account for `Frame.byteCount`; that encoding loses nothing is a conformance test.
public protocol Transport<Message>: ~Copyable {
  associatedtype Message: WireCodable & Sendable

  mutating func send(_ message: Message, from: ReplicaID, to: ReplicaID, at now: Instant)
}

/// Where a replica's records survive a crash.
public protocol DurableLog<Record>: ~Copyable {
  associatedtype Record: WireCodable & Sendable

  /// Adds records behind all others. They are durable only after a sync that began later has ended.
  mutating func append(_ records: [Record])

  /// All records that are durable now, oldest first.
  func durableRecords() -> [Record]
}
