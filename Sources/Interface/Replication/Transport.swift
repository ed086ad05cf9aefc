import WireFormat

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
///
/// A host appends what the core persists during a turn, commits once, and only then sends what rests on
/// it. After an error the log refuses everything: what is durable is known only after it is opened anew.
public protocol DurableLog: ~Copyable {
  associatedtype Failure: Error

  /// Adds a record behind all others. It is durable once a later `commit` has returned.
  mutating func append<Record: WireCodable>(_ record: Record)

  /// Makes all records appended so far durable, or throws and makes nothing of it known.
  mutating func commit() throws(Failure)

  /// Hands over the records that were durable when the log was opened, oldest first: all that any
  /// earlier life has committed, perhaps followed by some that it was about to.
  func forEachRecovered<Record: WireCodable>(
    _ type: Record.Type, _ body: (Record) -> Void
  ) throws(Failure)
}
